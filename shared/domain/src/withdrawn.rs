//! Codes that ISO 4217 has withdrawn, which events of their time still name.
//!
//! The rule: a currency is a code that ISO 4217 lists, or that its list of historic denominations ("list three") holds. A
//! back-test of old events needs the latter, and no rule about dates would help it: shops go on naming a code for a while.
//! An amount counts the minor unit that the code had when it was last listed: hundredths, and whole units of ADP, BEF, BYB,
//! BYR, ESP, GRD, ITL, LUF, MGF, PTE, TPE and TRL. Nothing here turns one currency into another, so no amount depends on it.
//!
//! Source: the maintenance agency's list three as published in 2025. The crate of current codes keeps some withdrawn ones,
//! which are not repeated here.

/// The codes, in order.
const CODES: [&str; 124] = [
    "ADP", "AFA", "ALK", "ANG", "AOK", "AON", "AOR", "ARA", "ARP", "ARY", "ATS", "AYM", "AZM", "BAD", "BEC",
    "BEF", "BEL", "BGJ", "BGK", "BGL", "BOP", "BRB", "BRC", "BRE", "BRN", "BRR", "BUK", "BYB", "BYR", "CHC",
    "CSD", "CSJ", "CSK", "CYP", "DDM", "DEM", "ECS", "ECV", "EEK", "ESA", "ESB", "ESP", "FIM", "FRF", "GEK",
    "GHC", "GHP", "GNE", "GNS", "GQE", "GRD", "GWE", "GWP", "HRD", "IEP", "ILP", "ILR", "ISJ", "ITL", "LAJ",
    "LSM", "LTL", "LTT", "LUC", "LUF", "LUL", "LVL", "LVR", "MGF", "MLF", "MRO", "MTL", "MTP", "MVQ", "MXP",
    "MZE", "MZM", "NIC", "NLG", "PEH", "PEI", "PES", "PLZ", "PTE", "RHD", "ROK", "ROL", "RUR", "SDD", "SDP",
    "SIT", "SKK", "SRG", "STD", "SUR", "TJR", "TMM", "TPE", "TRL", "UAK", "UGS", "UGW", "USS", "UYN", "UYP",
    "VEB", "VEF", "VNC", "XEU", "XFO", "XFU", "XRE", "YDD", "YUD", "YUM", "YUN", "ZAL", "ZMK", "ZRN", "ZRZ",
    "ZWC", "ZWD", "ZWN", "ZWR",
];

/// The code, where it is a withdrawn one.
pub(crate) fn withdrawn(code: &str) -> Option<&'static str> {
    CODES.binary_search(&code).ok().and_then(|index| CODES.get(index).copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_stand_once_and_in_order() {
        assert!(CODES.is_sorted_by(|one, next| one < next));
        assert!(
            CODES.iter().all(|code| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()))
        );
        let current = |code: &&&str| iso_currency::Currency::from_code(code).is_some();
        assert_eq!(CODES.iter().find(current), None, "a code that the crate has needs no place here");
    }
}
