//! Decimal numbers of any length, as JSON writes them.

use std::cmp::Ordering;

/// The largest exponent, in both directions, of a number that can be compared.
const MAX_EXPONENT: i64 = 999;

/// A decimal number: ±0.`digits` × 10^`point`. Digits have no zeros at either end; zero has none at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    point: i64,
    digits: String,
}

impl Decimal {
    /// Reads a JSON number. `None` if its exponent is outside ±999.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (text, 0),
        };
        if exponent.abs() > MAX_EXPONENT {
            return None;
        }
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, fraction].concat();
        let significant = all.trim_start_matches('0');
        let digits = significant.trim_end_matches('0');
        if digits.is_empty() {
            return Some(Self { negative: false, point: 0, digits: String::new() });
        }
        let leading = all.len() - significant.len();
        let point = i64::try_from(whole.len()).ok()? - i64::try_from(leading).ok()? + exponent;
        Some(Self { negative, point, digits: digits.to_owned() })
    }

    /// How many steps a comparison takes at most.
    pub(super) fn len(&self) -> usize {
        self.digits.len()
    }

    /// Compares without the signs.
    fn magnitude(&self, other: &Self) -> Ordering {
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => self.point.cmp(&other.point).then_with(|| self.digits.cmp(&other.digits)),
        }
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.magnitude(other),
            (true, true) => other.magnitude(self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_by_value() {
        let order = [
            "-1e999",
            "-10.5",
            "-10",
            "-0.001",
            "0",
            "1e-999",
            "0.0999999999999999999999999999",
            "0.1",
            "1",
            "1.00000000000000000000000000000001",
            "9007199254740992",
            "9007199254740993",
            "1E+20",
            "1e999",
        ];
        for (at, less) in order.iter().enumerate() {
            for more in &order[at + 1..] {
                assert!(Decimal::parse(less) < Decimal::parse(more), "{less} < {more}");
            }
        }
        for (one, same) in [("0", "-0.00e5"), ("100", "1e2"), ("1.50", "15e-1"), ("0.001", "1.0E-3"), ("-7", "-7.0")] {
            assert_eq!(Decimal::parse(one), Decimal::parse(same), "{one} = {same}");
        }
        for too_wide in ["1e1000", "1e-1000", "0e99999999999999999999"] {
            assert_eq!(Decimal::parse(too_wide), None, "{too_wide}");
        }
    }
}
