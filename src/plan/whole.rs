//! Constants that a field of whole numbers cannot hold: Elasticsearch refuses them in most queries.

use std::cmp::Ordering;

use crate::eql::Value;
use crate::schema::FieldType;

/// Where a constant lies among the numbers of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Below all of them.
    Below,
    /// It is one of them, or not a number of limited size.
    Within,
    /// Between two of them.
    Between,
    /// Above all of them.
    Above,
}

/// Where `value` lies among the numbers of `field_type`.
pub(super) fn place(field_type: FieldType, value: &Value) -> Place {
    let (least, most) = match field_type {
        FieldType::Integer => (Value::Integer(i32::MIN.into()), Value::Integer(i32::MAX.into())),
        FieldType::Long => (Value::Integer(i64::MIN), Value::Integer(i64::MAX)),
        FieldType::UnsignedLong => (Value::Integer(0), Value::Unsigned(u64::MAX)),
        _ => return Place::Within,
    };
    match value {
        _ if value.compare(&least) == Some(Ordering::Less) => Place::Below,
        _ if value.compare(&most) == Some(Ordering::Greater) => Place::Above,
        // As a double, the largest number is rounded up, and out of range.
        Value::Float(float) if value.compare(&most) == Some(Ordering::Equal) && *float > 1e15 => Place::Above,
        Value::Float(float) if float.fract() != 0.0 => Place::Between,
        _ => Place::Within,
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, place};
    use crate::eql::Value;
    use crate::schema::FieldType;

    #[test]
    fn constants_lie_within_or_outside() {
        for (field_type, value, expected) in [
            (FieldType::Integer, Value::Integer(2_147_483_647), Place::Within),
            (FieldType::Integer, Value::Integer(2_147_483_648), Place::Above),
            (FieldType::Integer, Value::Float(-2_147_483_648.5), Place::Below),
            (FieldType::Integer, Value::Float(1.0), Place::Within),
            (FieldType::Integer, Value::Float(1.5), Place::Between),
            (FieldType::Long, Value::Unsigned(1 << 63), Place::Above),
            (FieldType::Long, Value::Float(9_223_372_036_854_775_807.0), Place::Above),
            (FieldType::UnsignedLong, Value::Integer(-1), Place::Below),
            (FieldType::Float, Value::Float(1e300), Place::Within),
        ] {
            assert_eq!(place(field_type, &value), expected, "{field_type:?} {value}");
        }
    }
}
