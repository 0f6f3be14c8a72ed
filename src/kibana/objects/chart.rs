//! What a panel of the dashboard can be: the words that the table of panels is written in.

/// One panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Panel {
    /// Its name within the dashboard.
    pub key: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// Where it lies.
    pub place: Place,
    /// What it shows.
    pub chart: Chart,
}

/// A rectangle of the dashboard's grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Columns from the left.
    pub x: u8,
    /// Rows from the top.
    pub y: u8,
    /// Width in columns.
    pub w: u8,
    /// Height in rows.
    pub h: u8,
}

/// A field of the alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its full name.
    pub name: &'static str,
    /// What the panel calls it.
    pub label: &'static str,
    /// The type of its values in Lens.
    pub data_type: &'static str,
}

impl Field {
    /// A keyword field.
    pub const fn text(name: &'static str, label: &'static str) -> Self {
        Self { name, label, data_type: "string" }
    }

    /// A field of IP addresses.
    pub const fn address(name: &'static str, label: &'static str) -> Self {
        Self { name, label, data_type: "ip" }
    }
}

/// A number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// How many alerts.
    Alerts,
    /// How many alerts whose field has this value.
    AlertsWith {
        /// The field.
        field: Field,
        /// The value.
        value: &'static str,
    },
    /// How many different values the field has.
    Distinct(Field),
}

/// What a panel shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chart {
    /// One number.
    Number(Measure),
    /// Alerts over time as stacked bars, parted by the values of a field.
    OverTime {
        /// The field.
        by: Field,
        /// How many values have a colour of their own.
        size: u8,
    },
    /// Shares of the values of a field.
    Donut {
        /// The field.
        by: Field,
        /// How many values have a share of their own.
        size: u8,
    },
    /// Alerts for each of the most frequent values of a field, as horizontal bars.
    Bars {
        /// The field.
        by: Field,
        /// How many values.
        size: u8,
    },
    /// The most frequent values of a field with the number of alerts and the time of the newest.
    Table {
        /// The field.
        by: Field,
        /// How many values.
        size: u8,
    },
    /// The saved search.
    Newest,
}
