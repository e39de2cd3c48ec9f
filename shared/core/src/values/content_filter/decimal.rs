//! Decimal numbers of any length, as JSON writes them.

use std::cmp::Ordering;

/// The largest exponent, in both directions, of a number that can be compared.
const MAX_EXPONENT: i64 = 999;

/// A decimal number: ±0.`digits` × 10^`point`. Digits have no zeros at either end; zero has none at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::values) struct Decimal {
    negative: bool,
    point: i64,
    digits: String,
}

impl Decimal {
    /// Reads a JSON number. `None` if its exponent is outside ±999.
    pub(in crate::values) fn parse(text: &str) -> Option<Self> {
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
    pub(in crate::values) fn len(&self) -> usize {
        self.digits.len()
    }

    /// True for a number without a fraction.
    pub(in crate::values) fn is_integer(&self) -> bool {
        i64::try_from(self.digits.len()).is_ok_and(|length| length <= self.point) || self.digits.is_empty()
    }

    /// True if it is this divisor times an integer. `None` if the divisor is not positive or has more than 18 digits.
    pub(in crate::values) fn is_multiple_of(&self, divisor: &Self) -> Option<bool> {
        let modulus: u128 = divisor.digits.parse().ok().filter(|_| !divisor.negative && divisor.digits.len() <= 18)?;
        if self.digits.is_empty() {
            return Some(true);
        }
        let places = |number: &Self| Some(number.point - i64::try_from(number.digits.len()).ok()?);
        let zeros = places(self)? - places(divisor)?;
        let remainder = |rest: u128, digit: u8| (rest * 10 + u128::from(digit - b'0')) % modulus;
        let rest = self.digits.bytes().fold(0, remainder);
        // Without zeros at its end a number is no multiple of ten.
        Some(zeros >= 0 && (0..zeros).fold(rest, |rest, _| remainder(rest, b'0')) == 0)
    }

    /// The same text for the same number.
    pub(in crate::values) fn canonical(&self) -> String {
        format!("{}{}e{}", if self.negative { "-" } else { "" }, self.digits, self.point)
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

    #[test]
    fn integers_and_multiples_are_exact() {
        let number = |text: &str| Decimal::parse(text).unwrap();
        for integer in ["0", "1.0", "-12e3", "1.5e1", "9007199254740993", "0.0e-5"] {
            assert!(number(integer).is_integer(), "{integer}");
        }
        for fraction in ["0.1", "1.05e1", "1e-1", "-9007199254740993.5"] {
            assert!(!number(fraction).is_integer(), "{fraction}");
        }
        for (value, divisor, is_multiple) in [
            ("0.3", "0.1", true),
            ("-0.3", "0.1", true),
            ("0.35", "0.1", false),
            ("1e999", "7", false),
            ("7e999", "7", true),
            ("0", "3", true),
            ("12345678901234567890123456789012", "4", true),
            ("12345678901234567890123456789013", "4", false),
            ("1e2", "1e3", false),
            ("3e3", "1e3", true),
            ("5", "2.5", true),
            ("19.99", "0.01", true),
        ] {
            assert_eq!(number(value).is_multiple_of(&number(divisor)), Some(is_multiple), "{value} / {divisor}");
        }
        assert_eq!(number("1").is_multiple_of(&number("0")), None);
        assert_eq!(number("1").is_multiple_of(&number("-1")), None);
        assert_eq!(number("1").is_multiple_of(&number("1.234567890123456789")), None);
        assert_eq!(number("1.50e1").canonical(), number("15").canonical());
    }
}
