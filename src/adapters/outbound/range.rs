//! Which addresses a target outside GitHub may have.
//!
//! The lists are those of IANA (special-purpose registries of IPv4 and IPv6, and the block of global unicast addresses), plus the
//! places where clouds answer questions about their machines. An address inside another one (mapped, translated, tunnelled) is
//! judged as what it carries. What is in no list and not global unicast is refused.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// What an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// Anywhere on the Internet.
    Public,
    /// Inside this machine or its network: fine when it was granted.
    Inside(&'static str),
    /// Never a target.
    Never(&'static str),
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(first: u16, second: u16, third: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, third, 0, 0, 0, 0, 0), length)
}

/// Where machines of a cloud learn about themselves, credentials included.
const METADATA: Sort = Sort::Never("an address where a cloud tells its machines their credentials");
const LOOPBACK: Sort = Sort::Inside("a loopback address");
const PRIVATE: Sort = Sort::Inside("a private address");
const LINK_LOCAL: Sort = Sort::Inside("a link-local address");
const SHARED: Sort = Sort::Inside("an address behind a carrier's translation");
const MULTICAST: Sort = Sort::Never("a multicast address");
const EXAMPLES: Sort = Sort::Never("an address for documentation");
const RESERVED: Sort = Sort::Never("a reserved address");

/// The first line that holds an address decides.
const V4: &[(Ipv4Net, Sort)] = &[
    (v4(169, 254, 169, 254, 32), METADATA),
    (v4(169, 254, 169, 253, 32), METADATA),
    (v4(169, 254, 170, 2, 32), METADATA),
    (v4(169, 254, 170, 23, 32), METADATA),
    (v4(169, 254, 0, 23, 32), METADATA),
    (v4(100, 100, 100, 200, 32), METADATA),
    (v4(168, 63, 129, 16, 32), METADATA),
    (v4(192, 0, 0, 192, 32), METADATA),
    (v4(0, 0, 0, 0, 8), RESERVED),
    (v4(10, 0, 0, 0, 8), PRIVATE),
    (v4(100, 64, 0, 0, 10), SHARED),
    (v4(127, 0, 0, 0, 8), LOOPBACK),
    (v4(169, 254, 0, 0, 16), LINK_LOCAL),
    (v4(172, 16, 0, 0, 12), PRIVATE),
    (v4(192, 0, 0, 0, 24), RESERVED),
    (v4(192, 0, 2, 0, 24), EXAMPLES),
    (v4(192, 88, 99, 0, 24), RESERVED),
    (v4(192, 168, 0, 0, 16), PRIVATE),
    (v4(198, 18, 0, 0, 15), RESERVED),
    (v4(198, 51, 100, 0, 24), EXAMPLES),
    (v4(203, 0, 113, 0, 24), EXAMPLES),
    (v4(224, 0, 0, 0, 4), MULTICAST),
    (v4(240, 0, 0, 0, 4), RESERVED),
];

/// The same for IPv6, where only 2000::/3 is global unicast.
const V6: &[(Ipv6Net, Sort)] = &[
    (Ipv6Net::new_assert(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), 128), METADATA),
    (Ipv6Net::new_assert(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23), 128), METADATA),
    (Ipv6Net::new_assert(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254), 128), METADATA),
    (Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), LOOPBACK),
    (v6(0xfc00, 0, 0, 7), PRIVATE),
    (v6(0xfe80, 0, 0, 10), LINK_LOCAL),
    (v6(0xfec0, 0, 0, 10), PRIVATE),
    (v6(0xff00, 0, 0, 8), MULTICAST),
    (v6(0x0064, 0xff9b, 1, 48), PRIVATE),
    (v6(0x2001, 0xdb8, 0, 32), EXAMPLES),
    (v6(0x3fff, 0, 0, 20), EXAMPLES),
    (v6(0x2001, 0, 0, 23), RESERVED),
    (v6(0x2000, 0, 0, 3), Sort::Public),
];

/// What an address is.
pub(super) fn sort(address: IpAddr) -> Sort {
    match address {
        IpAddr::V4(address) => sort_v4(address),
        IpAddr::V6(address) => match carried(address) {
            Some(carried) => sort_v4(carried),
            None => V6.iter().find(|(net, _)| net.contains(&address)).map_or(RESERVED, |(_, sort)| *sort),
        },
    }
}

fn sort_v4(address: Ipv4Addr) -> Sort {
    V4.iter().find(|(net, _)| net.contains(&address)).map_or(Sort::Public, |(_, sort)| *sort)
}

/// The IPv4 address that packets to an IPv6 address end at.
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let join = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match [a, b, c, d, e, f] {
        // mapped (::ffff:0:0/96), translated (::ffff:0:0:0/96), the well-known prefix of NAT64 (64:ff9b::/96)
        [0, 0, 0, 0, 0, 0xffff] | [0, 0, 0, 0, 0xffff, 0] | [0x64, 0xff9b, 0, 0, 0, 0] => Some(join(g, h)),
        // 6to4 (2002::/16)
        [0x2002, high, low, ..] => Some(join(high, low)),
        // Teredo (2001::/32): the client's address, inverted
        [0x2001, 0, ..] => Some(join(!g, !h)),
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(text: &str) -> Sort {
        sort(text.parse().unwrap())
    }

    #[test]
    fn the_internet_is_public() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "140.82.112.3",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "2a00:1450:4001::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert_eq!(told(text), Sort::Public, "{text}");
        }
    }

    #[test]
    fn what_is_inside_needs_a_grant() {
        let cases = [
            ("127.0.0.1", LOOPBACK),
            ("127.255.255.254", LOOPBACK),
            ("::1", LOOPBACK),
            ("::ffff:127.0.0.1", LOOPBACK),
            ("64:ff9b::7f00:1", LOOPBACK),
            ("2002:7f00:1::", LOOPBACK),
            ("::ffff:0:7f00:1", LOOPBACK),
            ("10.0.0.0", PRIVATE),
            ("10.255.255.255", PRIVATE),
            ("172.16.0.1", PRIVATE),
            ("172.31.255.255", PRIVATE),
            ("192.168.0.1", PRIVATE),
            ("::ffff:192.168.1.1", PRIVATE),
            ("64:ff9b::a00:1", PRIVATE),
            ("2002:c0a8:101::1", PRIVATE),
            ("fc00::1", PRIVATE),
            ("fdff:ffff::1", PRIVATE),
            ("fec0::1", PRIVATE),
            ("64:ff9b:1::a00:1", PRIVATE),
            ("2001:0:0:0:0:0:f5ff:fffe", PRIVATE),
            ("100.64.0.0", SHARED),
            ("100.127.255.255", SHARED),
            ("::ffff:100.64.0.1", SHARED),
            ("169.254.0.1", LINK_LOCAL),
            ("169.254.255.255", LINK_LOCAL),
            ("fe80::1", LINK_LOCAL),
            ("febf::1", LINK_LOCAL),
        ];
        for (text, sort) in cases {
            assert_eq!(told(text), sort, "{text}");
        }
    }

    #[test]
    fn some_addresses_are_never_a_target() {
        let cases = [
            ("169.254.169.254", METADATA),
            ("169.254.170.2", METADATA),
            ("169.254.170.23", METADATA),
            ("100.100.100.200", METADATA),
            ("168.63.129.16", METADATA),
            ("192.0.0.192", METADATA),
            ("fd00:ec2::254", METADATA),
            ("fd00:ec2::23", METADATA),
            ("fd20:ce::254", METADATA),
            ("::ffff:169.254.169.254", METADATA),
            ("64:ff9b::a9fe:a9fe", METADATA),
            ("2002:a9fe:a9fe::1", METADATA),
            ("0.0.0.0", RESERVED),
            ("0.1.2.3", RESERVED),
            ("::", RESERVED),
            ("::ffff:0.0.0.0", RESERVED),
            ("::127.0.0.1", RESERVED),
            ("192.0.0.1", RESERVED),
            ("192.88.99.1", RESERVED),
            ("198.18.0.1", RESERVED),
            ("198.19.255.255", RESERVED),
            ("240.0.0.1", RESERVED),
            ("255.255.255.255", RESERVED),
            ("100::1", RESERVED),
            ("2001:10::1", RESERVED),
            ("2001:1::1", RESERVED),
            ("4000::1", RESERVED),
            ("5f00::1", RESERVED),
            ("192.0.2.1", EXAMPLES),
            ("198.51.100.7", EXAMPLES),
            ("203.0.113.9", EXAMPLES),
            ("2001:db8::1", EXAMPLES),
            ("3fff::1", EXAMPLES),
            ("224.0.0.1", MULTICAST),
            ("239.255.255.255", MULTICAST),
            ("ff02::1", MULTICAST),
            ("::ffff:224.0.0.1", MULTICAST),
        ];
        for (text, sort) in cases {
            assert_eq!(told(text), sort, "{text}");
        }
    }

    proptest! {
        /// The standard library knows fewer kinds; where it knows one, we agree.
        #[test]
        fn nothing_the_standard_library_knows_as_special_is_public(bits: u32) {
            let address = Ipv4Addr::from(bits);
            let special = address.is_private() || address.is_loopback() || address.is_link_local() || address.is_multicast()
                || address.is_broadcast() || address.is_documentation() || address.is_unspecified();
            prop_assert!(!special || sort(address.into()) != Sort::Public);
            for wrapped in [address.to_ipv6_mapped(), Ipv6Addr::from(0x0064_ff9b_u128 << 96 | u128::from(bits))] {
                prop_assert_eq!(sort(wrapped.into()), sort(address.into()));
            }
        }

        #[test]
        fn outside_global_unicast_nothing_of_ipv6_is_public(bits: u128) {
            let address = Ipv6Addr::from(bits);
            prop_assert!(bits >> 125 == 1 || carried(address).is_some() || sort(address.into()) != Sort::Public);
        }
    }
}
