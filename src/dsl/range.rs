//! `range`: the documents in which a value of a field lies between bounds.

use serde::ser::{Serialize, Serializer};
use serde_json::Value;

/// Bounds of one value; a bound that is absent is open.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Range {
    /// The full name of the field.
    pub field: String,
    /// The value is greater than this.
    pub gt: Option<Value>,
    /// The value is this or greater.
    pub gte: Option<Value>,
    /// The value is less than this.
    pub lt: Option<Value>,
    /// The value is this or less.
    pub lte: Option<Value>,
    /// How date bounds are written; the field's own format where absent.
    pub format: Option<&'static str>,
}

#[derive(serde::Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    gt: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gte: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lt: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lte: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'static str>,
}

impl Serialize for Range {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (gt, gte) = (self.gt.as_ref(), self.gte.as_ref());
        let (lt, lte) = (self.lt.as_ref(), self.lte.as_ref());
        super::keyed(serializer, &self.field, &Body { gt, gte, lt, lte, format: self.format })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Query, json};
    use super::Range;

    #[test]
    fn leaves_open_bounds_out() {
        let range = Range { field: "n".into(), gt: Some(json!(1)), ..Range::default() };
        assert_eq!(json(&Query::range(range)), json!({"range": {"n": {"gt": 1}}}));
        let range = Range {
            field: "t".into(),
            gte: Some(json!("2026-01-01T00:00:00.000Z")),
            lte: Some(json!("2026-01-02T00:00:00.000Z")),
            format: Some("strict_date_optional_time"),
            ..Range::default()
        };
        assert_eq!(
            json(&Query::range(range)),
            json!({"range": {"t": {
                "gte": "2026-01-01T00:00:00.000Z",
                "lte": "2026-01-02T00:00:00.000Z",
                "format": "strict_date_optional_time"
            }}})
        );
    }
}
