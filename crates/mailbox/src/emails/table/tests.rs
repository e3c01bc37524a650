//! Orders, threads and counts of a table beside plain ones, after random changes.

use super::*;

struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

fn id(n: u64) -> [u8; 16] {
    u128::from(n).to_be_bytes()
}

fn set(table: &mut Table, n: u64) {
    let uid = Uid::new(u32::try_from(n).unwrap() + 1).unwrap();
    let present = Present {
        email: EmailId(id(n)),
        place: Place { mailbox: MailboxId(1), uid },
        flags: SystemFlags::NONE,
        keywords: &[],
        // Some are of the same moment.
        received_at: Timestamp(i64::try_from(n * 7 % 50).unwrap()),
        octets: 1,
    };
    table.set(&present, ThreadId(id(n % 5)));
}

/// What is put right after many at once is what sorting everything gives.
#[test]
fn orders_and_threads_are_right_after_any_number_of_changes() {
    for seed in 0..20 {
        let mut random = Random(seed);
        let mut table = Table::new(1, 1, None);
        let mut there = BTreeSet::new();
        for round in 0..60 {
            let size = random.below(2) * random.below(100) + random.below(12);
            let mut threads: Vec<ThreadId> = (0..5).map(|n| ThreadId(id(n))).collect();
            threads.iter().for_each(|thread| table.uncount(*thread));
            for _ in 0..size {
                let n = random.below(200);
                if random.below(2) == 0 {
                    set(&mut table, n);
                    there.insert(n);
                } else {
                    table.remove(EmailId(id(n)), |_| true);
                    there.remove(&n);
                }
            }
            table.settle();
            if round == 5 {
                table.complete();
            } else {
                threads.drain(..).for_each(|thread| table.count(thread));
            }
            if round >= 5 {
                let mut expected: Vec<u64> = there.iter().copied().collect();
                expected.sort_by_key(|n| (n * 7 % 50, *n));
                let slots = table.by_received().iter();
                let found: Vec<EmailId> = slots.map(|slot| table.slot(*slot).unwrap().id).collect();
                assert_eq!(found, expected.iter().map(|n| EmailId(id(*n))).collect::<Vec<_>>());
                assert_eq!(table.counts.all.total_emails as usize, there.len());
                let of_threads = there.iter().map(|n| n % 5).collect::<BTreeSet<_>>();
                assert_eq!(table.counts.all.total_threads as usize, of_threads.len());
                assert_eq!(table.threads.len(), of_threads.len());
            }
        }
    }
}

fn present(n: u32, keywords: &[u16]) -> Present<'_> {
    Present {
        email: EmailId(id(1)),
        place: Place { mailbox: MailboxId(1), uid: Uid::new(n).unwrap() },
        flags: SystemFlags::NONE,
        keywords,
        received_at: Timestamp(0),
        octets: 1,
    }
}

/// What a table keeps of keywords is what its messages have.
#[test]
fn keywords_that_no_message_has_are_forgotten() {
    let mut table = Table::new(1, 1, None);
    let thread = ThreadId(id(1));
    for n in 0..1000_u16 {
        let (many, one) = ([n, n + 1, n + 2], [n]);
        table.set(&present(1, &many), thread);
        table.set(&present(2, &one), thread);
    }
    table.settle();
    let email = table.email(EmailId(id(1))).unwrap();
    assert_eq!(table.keywords_of(email), [999, 1000, 1001]);
    let octets = table.octets();
    assert!(octets < 4096, "{octets}");
    table.remove(EmailId(id(1)), |member| member.uid.value() == 1);
    table.settle();
    assert_eq!(table.keywords_of(table.email(EmailId(id(1))).unwrap()), [999]);
    table.remove(EmailId(id(1)), |_| true);
    table.settle();
    assert_eq!(table.keywords.kinds(), 0);
}
