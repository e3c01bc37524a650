//! `cargo xtask bench`: builds server and load driver in the release profile and passes the arguments on.
//!
//! `--check` runs nothing: it says whether docs/BENCHMARKS.md is what the driver wrote. The first line is
//! `<!-- koi-bench fnv1a64 DIGEST -->`, where DIGEST is the FNV-1a 64 of all octets behind the end of that
//! line, as 16 lower-case hexadecimal digits. It guards against edits by hand, not against malice.

use crate::failure::Failure;
use crate::packages::{self, Section};
use crate::phase::{self, cargo};
use crate::repo::Repo;

const FILE: &str = "docs/BENCHMARKS.md";
const MARK: &str = "<!-- koi-bench fnv1a64 ";

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let repo = Repo::open()?;
    if arguments.iter().any(|word| word == "--check") {
        return check(&repo.read(FILE)?);
    }
    packages::ensure(&repo, Section::Test, true)?;
    packages::ensure(&repo, Section::Bench, true)?;
    phase::run(cargo().args(["build", "--release", "--locked", "--package", "koi", "--package", "bench"]))?;
    let mut driver = cargo();
    driver.args(["run", "--release", "--locked", "--quiet", "--package", "bench", "--"]).args(arguments);
    driver.env("KOI_BIN", repo.target_dir().join("release/koi"));
    phase::run(&mut driver)
}

fn check(text: &str) -> Result<(), Failure> {
    let by_hand = "run `cargo xtask bench` to write it; it must not be edited by hand";
    let (first, body) = text.split_once('\n').unwrap_or((text, ""));
    let stated = first.strip_prefix(MARK).and_then(|rest| rest.strip_suffix(" -->"));
    let stated =
        stated.ok_or_else(|| Failure::new(format!("{FILE} does not begin with `{MARK}…`: {by_hand}")))?;
    let found = format!("{:016x}", fnv1a64(body.as_bytes()));
    if stated != found {
        return Err(Failure::new(format!("{FILE} has digest {found} but says {stated}: {by_hand}")));
    }
    println!("{FILE} is as the tool wrote it");
    Ok(())
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo).
fn fnv1a64(octets: &[u8]) -> u64 {
    octets.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_authors() {
        assert_eq!(fnv1a64(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a64(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a64(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn an_edit_is_noticed() {
        let body = "# Benchmarks\n\n| a | b |\n";
        let good = format!("{MARK}{:016x} -->\n{body}", fnv1a64(body.as_bytes()));
        assert!(check(&good).is_ok());
        assert!(check(&good.replace("| a", "| c")).is_err());
        assert!(check(body).is_err());
        assert!(check("").is_err());
    }
}
