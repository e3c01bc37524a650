//! Who may connect: limits on all connections, per address and before login (per account: `watch`).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::config::LimitsConfig;
use crate::watch::Link;

/// An address as limits and throttles count it: IPv4 alone, IPv6 by /64 (one customer has many addresses).
#[must_use]
pub fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            let network = u128::from(v6) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        other => other,
    }
}

/// Every open connection.
#[derive(Default)]
pub struct Admission {
    open: Mutex<Open>,
    drained: tokio::sync::Notify,
}

#[derive(Default)]
struct Open {
    next: u64,
    links: HashMap<u64, Arc<Link>>,
    addresses: HashMap<IpAddr, usize>,
    before_login: usize,
    closing: bool,
}

/// Why a connection was refused; the peer is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    Server,
    Address,
    BeforeLogin,
    ShuttingDown,
}

impl Refusal {
    /// For the peer and the log.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Server => "Too many connections to this server, try again later",
            Self::Address => "Too many connections from your address",
            Self::BeforeLogin => "Too many connections waiting for login, try again later",
            Self::ShuttingDown => "Server is shutting down",
        }
    }
}

impl Admission {
    /// Lets a connection in, or says why not. `must_log_in`: it counts as waiting until `logged_in`.
    pub fn admit(
        self: &Arc<Self>,
        address: IpAddr,
        must_log_in: bool,
        limits: &LimitsConfig,
    ) -> Result<Admitted, Refusal> {
        let address = counted(address);
        let mut open = self.open.lock();
        if open.closing {
            return Err(Refusal::ShuttingDown);
        }
        if open.links.len() >= limits.connections_max {
            return Err(Refusal::Server);
        }
        if open.addresses.get(&address).is_some_and(|n| *n >= limits.connections_per_address_max) {
            return Err(Refusal::Address);
        }
        if must_log_in && open.before_login >= limits.connections_before_login_max {
            return Err(Refusal::BeforeLogin);
        }
        let number = open.next;
        open.next = open.next.wrapping_add(1);
        let link = Arc::new(Link::default());
        open.links.insert(number, Arc::clone(&link));
        *open.addresses.entry(address).or_default() += 1;
        open.before_login += usize::from(must_log_in);
        Ok(Admitted { admission: Arc::clone(self), number, address, before_login: must_log_in, link })
    }

    /// Open connections.
    #[must_use]
    pub fn count(&self) -> usize {
        self.open.lock().links.len()
    }

    /// Lets nobody in any more and tells all who are in.
    pub fn shut_down(&self) {
        let mut open = self.open.lock();
        open.closing = true;
        open.links.values().for_each(|link| link.shut_down());
    }

    /// Resolves when the last connection has gone.
    pub async fn drained(&self) {
        loop {
            let notified = self.drained.notified();
            if self.count() == 0 {
                return;
            }
            notified.await;
        }
    }
}

/// A connection that was let in; makes room when dropped.
pub struct Admitted {
    admission: Arc<Admission>,
    number: u64,
    address: IpAddr,
    before_login: bool,
    pub link: Arc<Link>,
}

impl Admitted {
    /// Does not count as waiting for login any more.
    pub fn logged_in(&mut self) {
        if std::mem::take(&mut self.before_login) {
            self.admission.open.lock().before_login -= 1;
        }
    }
    /// Waits for login again, though there may be no place left for those who do.
    pub fn logged_out(&mut self) {
        if !std::mem::replace(&mut self.before_login, true) {
            self.admission.open.lock().before_login += 1;
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut open = self.admission.open.lock();
        open.links.remove(&self.number);
        open.before_login -= usize::from(self.before_login);
        if let Some(count) = open.addresses.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.addresses.remove(&self.address);
            }
        }
        if open.links.is_empty() {
            self.admission.drained.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> LimitsConfig {
        let text = "[server]\nhostname='h'\ndomains=['d']\n[listen]\nlmtp=['[::1]:24']\n[limits]\n\
                    connections_max=3\nconnections_per_address_max=2\nconnections_before_login_max=1\n";
        let raw = crate::config::raw::parse(std::path::Path::new("koi.toml"), text).unwrap();
        crate::config::resolve::resolve(&raw).unwrap().limits
    }

    #[test]
    fn each_limit_refuses_and_room_comes_back() {
        let (limits, admission) = (limits(), Arc::new(Admission::default()));
        let at = |n: u8| IpAddr::from([127, 0, 0, n]);
        let mut first = admission.admit(at(1), true, &limits).unwrap();
        assert_eq!(admission.admit(at(1), true, &limits).err(), Some(Refusal::BeforeLogin));
        first.logged_in();
        let second = admission.admit(at(1), true, &limits).unwrap();
        assert_eq!(admission.admit(at(1), false, &limits).err(), Some(Refusal::Address));
        let _third = admission.admit(at(2), false, &limits).unwrap();
        assert_eq!(admission.admit(at(3), false, &limits).err(), Some(Refusal::Server));
        drop(second);
        assert!(admission.admit(at(1), true, &limits).is_ok());
        admission.shut_down();
        assert!(first.link.take().shutdown);
        assert_eq!(admission.admit(at(3), false, &limits).err(), Some(Refusal::ShuttingDown));
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_address() {
        let at = |t: &str| counted(t.parse().unwrap());
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:1"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
        assert_eq!(at("::1").to_string(), "::1");
    }
}
