//! Secret sharing over GF(2^8) with the polynomial of AES, laid out as sops (and Vault) do (SOPS reference 9.3).
//!
//! Never uses tables: multiplication takes the same time for all values.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use crate::random::{self, NoRandomness};

fn multiply(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    for _ in 0..8 {
        product ^= a & (b & 1).wrapping_neg();
        let carry = (a >> 7).wrapping_neg();
        a = (a << 1) ^ (0x1b & carry);
        b >>= 1;
    }
    product
}

/// The inverse as the 254th power; that of 0 is 0.
fn inverse(a: u8) -> u8 {
    let square = |x| multiply(x, x);
    let mut power = a;
    for _ in 0..6 {
        power = multiply(square(power), a);
    }
    square(power)
}

/// Puts shares together: each is the values at one x, followed by that x.
pub(crate) fn combine<'s>(shares: impl IntoIterator<Item = &'s Zeroizing<Vec<u8>>>) -> Option<Zeroizing<Vec<u8>>> {
    let shares: Vec<_> = shares.into_iter().collect();
    values_at(&shares, 0)
}

/// The share at another x of the polynomials that these shares lie on; there must be at least as many as needed.
pub(crate) fn share_at(shares: &[Zeroizing<Vec<u8>>], x: u8) -> Option<Zeroizing<Vec<u8>>> {
    if let Some(share) = shares.iter().find(|share| share.last() == Some(&x)) {
        return Some(share.clone());
    }
    let values = values_at(&shares.iter().collect::<Vec<_>>(), x)?;
    let mut share = Zeroizing::new(Vec::with_capacity(values.len() + 1));
    share.extend_from_slice(&values);
    share.push(x);
    Some(share)
}

/// The values of the polynomials at `x`, by Lagrange's formula.
fn values_at(shares: &[&Zeroizing<Vec<u8>>], x: u8) -> Option<Zeroizing<Vec<u8>>> {
    let length = shares.first()?.len();
    if length < 2 || shares.len() < 2 || shares.iter().any(|share| share.len() != length) {
        return None;
    }
    let places: Vec<u8> = shares.iter().map(|share| share[length - 1]).collect();
    if places.contains(&0) || places.iter().collect::<BTreeSet<_>>().len() != places.len() {
        return None;
    }
    let mut values = Zeroizing::new(vec![0; length - 1]);
    for (share, place) in shares.iter().zip(&places) {
        let mut weight = 1;
        for other in places.iter().filter(|other| *other != place) {
            weight = multiply(weight, multiply(*other ^ x, inverse(other ^ place)));
        }
        for (byte, value) in values.iter_mut().zip(&share[..length - 1]) {
            *byte ^= multiply(*value, weight);
        }
    }
    Some(values)
}

/// Splits a secret into shares for x = 1, 2, …, of which `threshold` are needed.
pub(crate) fn split(secret: &[u8], shares: usize, threshold: u8) -> Result<Vec<Zeroizing<Vec<u8>>>, NoRandomness> {
    let mut polynomials = Vec::with_capacity(secret.len());
    for byte in secret {
        let mut coefficients = random::bytes(usize::from(threshold))?;
        coefficients[0] = *byte;
        polynomials.push(coefficients);
    }
    let places = (1..=u8::MAX).take(shares);
    let share = |x: u8| {
        let value = |coefficients: &Zeroizing<Vec<u8>>| {
            coefficients.iter().rev().fold(0, |sum, coefficient| multiply(sum, x) ^ coefficient)
        };
        let mut share = Zeroizing::new(Vec::with_capacity(secret.len() + 1));
        share.extend(polynomials.iter().map(value));
        share.push(x);
        share
    };
    Ok(places.map(share).collect())
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::{combine, inverse, multiply, share_at, split};

    #[test]
    fn the_field_is_that_of_aes() {
        assert_eq!(multiply(0x57, 0x83), 0xc1);
        for a in 1..=255 {
            assert_eq!(multiply(a, inverse(a)), 1);
        }
    }

    #[test]
    fn any_two_shares_of_a_line_give_the_secret() {
        let share = |x: u8| Zeroizing::new(vec![42 ^ multiply(99, x), 7 ^ multiply(3, x), x]);
        let all: Vec<_> = (1..=3).map(share).collect();
        for pair in [&all[0..2], &all[1..3], &all[..]] {
            assert_eq!(combine(pair).map(|secret| secret.to_vec()), Some(vec![42, 7]));
        }
        assert!(combine(&all[0..1]).is_none());
        assert!(combine([&share(1), &share(1)]).is_none());
    }

    #[test]
    fn what_is_split_comes_together_again() {
        let secret: Vec<u8> = (0..32).collect();
        let shares = split(&secret, 3, 2).unwrap_or_default();
        assert_eq!(shares[2].len(), 33);
        for pair in [&shares[0..2], &shares[1..3], &shares[..]] {
            assert_eq!(combine(pair).map(|secret| secret.to_vec()).as_ref(), Some(&secret));
        }
        assert_eq!(share_at(&shares[0..2], 3).as_ref(), shares.get(2));
        assert_eq!(share_at(&shares[1..3], 1).as_ref(), shares.first());
    }
}
