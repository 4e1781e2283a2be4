//! A run: so many operations, drawn from a seed, with what must hold after each.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use strongroom_engine::{EngineError, Memory as _};
use strongroom_replica::parallel::Alone;
use strongroom_replica::scrub::Sample;
use strongroom_store::fault::FaultPlan;
use strongroom_store::{Memory, ObjectPath};

use crate::dice::Dice;
use crate::judge::name_of;
use crate::machine::{DAY, Machine, Reports};
use crate::profile::Disturbance;
use crate::reference::Fate;
use crate::site::Site;
use crate::step::{Cut, Deed, Theme, draw, draw_cut};
use crate::tally::Tally;
use crate::tend::Untended;

/// So many operations are told when a run fails.
const TOLD: usize = 120;

/// A run under way.
struct Run {
    seed: u64,
    theme: Theme,
    machine: Machine,
    /// How many calls each operation made when nothing disturbed it.
    calls: BTreeMap<Deed, u64>,
    trace: VecDeque<String>,
}

/// What an operation ends with: what is told of it, or what is wrong.
type Told = Result<String, String>;

/// Runs so many operations; the error tells how to see it again.
pub(crate) fn run(seed: u64, steps: u64, theme: Theme) -> (Tally, Result<(), String>) {
    let _alone = Alone::new(!has_threads(seed));
    let mut run = Run {
        seed,
        theme,
        machine: Machine::new(seed, theme),
        calls: BTreeMap::new(),
        trace: VecDeque::new(),
    };
    for step in 1..=steps {
        let ended = catch_unwind(AssertUnwindSafe(|| run.step(step)));
        let ended = ended.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|t| (*t).to_owned()));
            Err(format!("panicked: {}", text.unwrap_or_default()))
        });
        if let Err(wrong) = ended {
            let trace: Vec<String> = run.trace.into();
            let told = Err(format!(
                "seed {seed} ({theme:?}), step {step}: {wrong}\nthe operations before it:\n{}\n\
                 see it again: STRONGROOM_MODEL_SEED={seed} STRONGROOM_MODEL_STEPS={steps}",
                trace.join("\n"),
            ));
            return (run.machine.tally, told);
        }
    }
    (run.machine.tally, Ok(()))
}

/// Says whether threads race in a run. Where none do, a seed gives the same run again.
fn has_threads(seed: u64) -> bool {
    seed.is_multiple_of(5)
}

impl Run {
    fn step(&mut self, number: u64) -> Result<(), String> {
        let mut dice = Dice::new(self.seed, number);
        self.machine.pass_time(dice.below(600));
        let deed = self.drawn(number, &mut dice);
        self.machine.tally.operation(deed);
        self.trace.push_back(format!("{number} {deed:?}"));
        if self.trace.len() > TOLD {
            self.trace.pop_front();
        }
        let spooled = self.machine.profile.spool.as_ref();
        let spooled = spooled.map_or(Vec::new(), |spool| spool.seqs(self.machine.archive));
        let told = match deed {
            Deed::Backup
            | Deed::Forget
            | Deed::Prune
            | Deed::Accept
            | Deed::Adopt
            | Deed::Former => self.disturbed(deed, &mut dice),
            Deed::Sync | Deed::Heal => self.tend(deed, &mut dice),
            Deed::Verify => {
                let site = dice.below(self.machine.sites.len());
                let found = self.machine.verify(site, true, &mut dice)?;
                self.machine.tally.count(&format!("verified: {found}"));
                Ok(format!("d{site}: {found}"))
            }
            Deed::Calm => self.machine.calm(&mut dice),
            _ => Ok(self.machine.happens(deed, &mut dice)),
        }?;
        let state = self.machine.profile.memory.load().expect("it is in memory");
        let head = state
            .head
            .map_or_else(String::new, |head| head.id.to_string());
        let announced = state.announced.len();
        if let Some(last) = self.trace.back_mut() {
            *last = format!("{last} {told} [{head} +{announced}]");
        }
        if deed != Deed::Spool {
            self.machine.count_spool(&spooled);
        }
        self.machine.check_spool()?;
        self.machine.spread_damage();
        self.check(number, deed, &mut dice)
    }

    /// Draws an operation that makes sense.
    fn drawn(&self, number: u64, dice: &mut Dice) -> Deed {
        let machine = &self.machine;
        let deed = draw(self.theme, dice);
        let is_there = machine.sites.iter().any(|site| site.present);
        match deed {
            _ if number.is_multiple_of(100) => Deed::Calm,
            Deed::Calm | Deed::Away => deed,
            _ if machine.lacks_contents() && dice.one_in(3) => Deed::Prune,
            Deed::Adopt if !machine.knows_newest_generation() => Deed::Away,
            // Refused while the spool holds what nobody else has.
            Deed::Accept if machine.has_spooled() => Deed::Backup,
            _ if machine.adopting && is_there && machine.knows_newest_generation() => Deed::Adopt,
            Deed::Former if machine.former.is_none() => Deed::Backup,
            Deed::OldProfile if machine.old.is_none() => Deed::Backup,
            Deed::Sync | Deed::Heal | Deed::Accept | Deed::Adopt if !is_there => Deed::Away,
            _ => deed,
        }
    }

    /// Runs an operation of the writer that may be killed.
    fn disturbed(&mut self, deed: Deed, dice: &mut Dice) -> Told {
        let cut = draw_cut(self.calls.get(&deed).copied().unwrap_or(20), dice);
        let cut = match (deed, cut) {
            // What cannot be looked at then is left behind, which is what was asked for.
            (Deed::Adopt | Deed::Accept, Cut::Fail(..)) => Cut::None,
            _ => cut,
        };
        let disturbance = disturbance(cut);
        let before = self.before();
        let disks: Vec<Memory> = match deed {
            Deed::Prune => self.machine.sites.iter().map(Site::disk).collect(),
            _ => Vec::new(),
        };
        let must = self.machine.must_work();
        let machine = &mut self.machine;
        let looked = machine.look_before();
        let (told, result) = match deed {
            Deed::Backup => machine.backs_up(dice, &disturbance),
            Deed::Forget => machine.forgets(dice, &disturbance),
            Deed::Accept => machine.accepts(dice, &disturbance),
            Deed::Adopt => machine.adopts(dice, &disturbance),
            Deed::Former => return self.former(cut, &disturbance, &before),
            _ => (String::new(), machine.prune(dice, &disturbance)),
        };
        machine.check_deleted(deed, &before)?;
        if deed == Deed::Prune {
            for (site, disk) in machine.sites.iter().zip(&disks) {
                machine.check_erased(site, disk)?;
            }
        }
        let is_cut = self.ended(deed, cut, &disturbance);
        let machine = &mut self.machine;
        let told = format!("{told}{cut}");
        match result {
            Ok(reports) => {
                let told = format!("{told}: {}", said(&reports));
                let telling = |wrong| format!("{told}: {wrong}");
                if !matches!(deed, Deed::Accept | Deed::Adopt) {
                    looked.check_noticed(&reports).map_err(telling)?;
                    if cut == Cut::None {
                        machine.check_kept(&looked, &reports).map_err(telling)?;
                    }
                }
                let settled = machine.settle(&reports, dice.one_in(4));
                settled.map_err(telling)?;
                Ok(told)
            }
            Err(error) => {
                let name = name_of(&error);
                machine.tally.count(&format!("{deed:?}: {name}"));
                let is_plain = !matches!(deed, Deed::Accept | Deed::Adopt);
                if (must && is_plain && !is_cut) || !machine.may_fail(&error, is_cut) {
                    return Err(format!("{told}: {error:?}"));
                }
                machine.died();
                Ok(format!("{told}: {name}"))
            }
        }
    }

    /// Lets whoever wrote before write again: it must notice a later generation.
    fn former(
        &mut self,
        cut: Cut,
        disturbance: &Disturbance,
        before: &[BTreeMap<ObjectPath, u64>],
    ) -> Told {
        let machine = &mut self.machine;
        let tag = machine.reference.begin(&machine.source.files);
        let former = machine.former.take().expect("there is one");
        let is_fenced = machine.has_later_generation(&former);
        let result = machine.backup(&former, tag, disturbance);
        machine.former = Some(former);
        machine.reference.set(tag, Fate::Off);
        machine.check_deleted(Deed::Former, before)?;
        self.ended(Deed::Former, cut, disturbance);
        let machine = &mut self.machine;
        match result {
            Ok(_) if is_fenced => Err("it wrote, though it met a later generation".to_owned()),
            Ok(reports) => {
                machine.rivals = true;
                machine.died();
                machine.tally.count("branches");
                Ok(format!("{tag}{cut}: {}", said(&reports)))
            }
            Err(error) => {
                // What it has written may be there nevertheless.
                machine.rivals |= !matches!(error, EngineError::Fenced { .. });
                machine.died();
                let name = name_of(&error);
                machine.tally.count(&format!("Former: {name}"));
                Ok(format!("{tag}{cut}: {name}"))
            }
        }
    }

    /// Syncs or heals one destination, or all of them.
    fn tend(&mut self, deed: Deed, dice: &mut Dice) -> Told {
        let sample = (deed == Deed::Heal).then_some(Sample::ALL);
        let present = (0..self.machine.sites.len()).filter(|at| self.machine.sites[*at].present);
        let mut present: Vec<usize> = present.collect();
        if dice.one_in(2) {
            present = dice.pick(&present).into_iter().collect();
        }
        let cut = draw_cut(self.calls.get(&deed).copied().unwrap_or(20), dice);
        let disturbance = disturbance(cut);
        let before = self.before();
        let must = self.machine.must_work();
        let looked = self.machine.look_before();
        let mut told = Vec::new();
        if deed == Deed::Sync && self.machine.profile.spool.is_some() {
            // What fails here shows below: the destination stays behind.
            let _ = self.machine.deliver(&disturbance);
        }
        for number in present {
            let result = self.machine.tend(number, sample, &disturbance);
            self.machine.check_deleted(deed, &before)?;
            let is_cut = self.ended(deed, cut, &disturbance);
            let is_taken = matches!(&result, Ok(tended) if tended.complete);
            if deed == Deed::Sync && is_taken && looked.went_back.contains(&number) {
                return Err(format!("nobody noticed that d{number} went back"));
            }
            told.push(self.tended(number, deed, result, must, is_cut)?);
        }
        Ok(format!("{}{cut}", told.join("; ")))
    }

    fn tended(
        &mut self,
        number: usize,
        deed: Deed,
        result: Result<crate::tend::Tended, Untended>,
        must: bool,
        is_cut: bool,
    ) -> Told {
        let machine = &mut self.machine;
        let site = &mut machine.sites[number];
        let name = site.name.clone();
        let what = match result {
            Ok(tended) => {
                site.complete = tended.complete;
                machine.tally.note("objects mended", tended.mended);
                machine.tally.note("objects put back", tended.put_back);
                if tended.complete {
                    machine.tended_to(number)?;
                }
                return Ok(format!("{name}: complete {}", tended.complete));
            }
            Err(Untended::SetAside(_)) => "set aside".to_owned(),
            Err(Untended::Failed(error)) => {
                // Of each one alone nothing is expected but that it has the newest record.
                let must = must && site.complete;
                // A record that could not be read makes another history of the one there is, until the next time.
                let may = is_cut || machine.may_fail(&error, is_cut);
                if (must && !is_cut) || !may {
                    return Err(format!("{name}: {error:?}"));
                }
                machine.died();
                name_of(&error)
            }
        };
        machine.tally.count(&format!("{deed:?}: {what}"));
        Ok(format!("{name}: {what}"))
    }

    /// Notes how many calls an operation made, and says whether it was disturbed.
    fn ended(&mut self, deed: Deed, cut: Cut, disturbance: &Disturbance) -> bool {
        let calls = disturbance.plan.as_ref().map_or(0, |plan| plan.calls());
        let tally = &mut self.machine.tally;
        match cut {
            Cut::None => {
                self.calls.insert(deed, calls);
                false
            }
            Cut::Kill(limit) if calls > limit => {
                tally.count("kills");
                tally.count(&format!("{deed:?}: killed"));
                true
            }
            Cut::Fail(at, fault) if calls >= at && at > 0 => {
                tally.count(&format!("fault {fault:?}"));
                true
            }
            _ => false,
        }
    }

    fn before(&self) -> Vec<BTreeMap<ObjectPath, u64>> {
        self.machine.sites.iter().map(Site::listed).collect()
    }

    /// Checks what must hold after every operation.
    fn check(&mut self, number: u64, deed: Deed, dice: &mut Dice) -> Result<(), String> {
        let machine = &self.machine;
        if number % 100 == 50 {
            return machine.check_all(usize::MAX, dice);
        }
        match deed {
            Deed::Away | Deed::WriterClock | Deed::SiteClock | Deed::Copy | Deed::Calm => Ok(()),
            Deed::Prune
            | Deed::Lose
            | Deed::NewDisk
            | Deed::GoBack
            | Deed::Accept
            | Deed::Adopt => machine.check_all(1, dice),
            _ if dice.one_in(2) => Ok(()),
            _ => {
                let site = dice.below(machine.sites.len());
                machine.check_site(site, 1, dice)
            }
        }
    }
}

fn disturbance(cut: Cut) -> Disturbance {
    let plan = match cut {
        Cut::None => FaultPlan::none(),
        Cut::Kill(calls) => FaultPlan::stop_after(calls),
        Cut::Fail(call, fault) => FaultPlan::none().with_fault(call, fault),
    };
    Disturbance {
        plan: Some(Arc::new(plan)),
        dies: matches!(cut, Cut::Kill(_)),
    }
}

fn said(reports: &Reports) -> String {
    let said = |report: &strongroom_engine::DestinationReport| {
        let status = format!("{:?}", report.status);
        let short: String = status.chars().take(60).collect();
        format!("{} {short}", report.name)
    };
    reports.iter().map(said).collect::<Vec<_>>().join(", ")
}

impl Machine {
    /// Lets so many minutes pass for everybody.
    fn pass_time(&mut self, minutes: usize) {
        let by = minutes as i128 * 60_000_000_000;
        let clocks = self.sites.iter().map(|site| &site.clock);
        for clock in clocks.chain([&self.clock]) {
            clock.0.lock().expect("nobody panics with it").0 += by;
        }
    }

    /// Notes that nobody knows what became of the destinations that are there.
    pub(crate) fn died(&mut self) {
        let present = self.sites.iter_mut().filter(|site| site.present);
        present.for_each(|site| site.complete = false);
        self.note_held();
    }

    /// Says whether an adoption would begin a generation of a number of its own. Two profiles that adopt at
    /// different destinations, none of which the other can look at, take the same number.
    fn knows_newest_generation(&self) -> bool {
        let newest = |site: &Site| Some(site.newest_record()?[..45].to_owned());
        let all = self.sites.iter().map(newest).max();
        let present = self.sites.iter().filter(|site| site.present);
        present.map(newest).max() == all
    }

    /// Says whether a destination that is there has a record of a later generation than a profile knows.
    fn has_later_generation(&self, profile: &crate::profile::Profile) -> bool {
        let state = profile.memory.load().expect("it is in memory");
        let known = state.announced.iter().chain(&state.head);
        let known = known.map(|head| head.id.generation.0).max().unwrap_or(0);
        let limit = format!("/log/{:08x}", known + 1);
        let present = self.sites.iter().filter(|site| site.present);
        let mut paths = present.flat_map(|site| site.listed().into_keys());
        paths.any(|path| path.as_str()[32..] >= *limit && path.as_str().contains("/log/"))
    }

    /// Lets something happen that is no operation of the program.
    fn happens(&mut self, deed: Deed, dice: &mut Dice) -> String {
        let number = dice.below(self.sites.len());
        let jump = dice.pick(&[-400, -10, -2, 0, 2, 10, 400]).unwrap_or(0) * DAY;
        let jump = jump + dice.pick(&[-DAY / 24, 0, DAY / 24]).unwrap_or(0);
        match deed {
            Deed::Away => {
                let others = self.sites.iter().filter(|site| site.present).count();
                let site = &mut self.sites[number];
                let stays = if self.profile.spool.is_some() { 2 } else { 4 };
                if site.present && others < 2 && !dice.one_in(stays) {
                    return "stays".to_owned();
                }
                site.present = !site.present;
                return format!("d{number} is there: {}", site.present);
            }
            Deed::WriterClock => {
                self.clock.0.lock().expect("nobody panics with it").0 += jump;
                return format!("{} h", jump / (DAY / 24));
            }
            Deed::SiteClock => {
                let clock = &self.sites[number].clock;
                clock.0.lock().expect("nobody panics with it").0 += jump;
                return format!("d{number} {} h", jump / (DAY / 24));
            }
            Deed::NoCatalogue => self.profile.lose_catalogue(),
            Deed::Copy if dice.one_in(3) => self.old = Some(self.profile.copy()),
            Deed::Copy => self.sites[number].keep_copy(),
            Deed::OldProfile => {
                if let Some(old) = self.old.take() {
                    self.profile = old;
                    self.rivals = true;
                    self.adopting = false;
                }
            }
            Deed::Spool => return self.change_spool(dice),
            Deed::Damage => return self.damage(number, dice),
            _ => return self.lose(deed, number, dice),
        }
        format!("d{number}")
    }

    /// Loses a disk, or puts an older copy in its place; not where another one is damaged, since then nobody can
    /// say what is lost.
    fn lose(&mut self, deed: Deed, number: usize, dice: &mut Dice) -> String {
        let others = self.sites.iter().enumerate();
        let others = others.filter(|(at, _)| *at != number);
        let others: Vec<&Site> = others.map(|(_, other)| other).collect();
        if !others.iter().all(|other| other.broken.is_empty()) {
            return "not while another one is damaged".to_owned();
        }
        if others.iter().all(|other| other.held.is_empty()) {
            return "it is the last one".to_owned();
        }
        // Whoever is to catch up from the spool may end before it begins now.
        self.doubt_spooled();
        let site = &mut self.sites[number];
        let done = match deed {
            Deed::GoBack => site.go_back(),
            Deed::NewDisk => {
                site.lose();
                site.id.0[1] = site.id.0[1].wrapping_add(1);
                true
            }
            _ => {
                site.lose();
                site.present = dice.one_in(2);
                true
            }
        };
        if !done {
            return format!("d{number} has no copy");
        }
        let lost = self.drop_lost();
        self.tally.count(&format!("{deed:?} happened"));
        for _ in 0..lost {
            self.tally
                .count("snapshots lost with the last disk that held them");
        }
        format!("d{number}, {lost} snapshots with it")
    }

    /// Damages an object that another destination has whole.
    fn damage(&mut self, number: usize, dice: &mut Dice) -> String {
        let archive = self.archive.to_string();
        let whole = |at: &usize| {
            let other = &self.sites[*at];
            *at != number && other.complete && other.broken.is_empty()
        };
        let Some(whole) = (0..self.sites.len()).find(whole) else {
            return "nobody has it whole".to_owned();
        };
        let (site, whole) = (&self.sites[number], &self.sites[whole]);
        let needed = self.needed_at(whole);
        let listed = site.listed().into_keys();
        let paths = listed.filter(|path| {
            let is_part = path.as_str().starts_with(&archive);
            // What the other one has given up may be gone there when an older disk needs it again.
            let stays = site.complete || needed.contains(path);
            let is_damaged = site.broken.contains_key(path);
            is_part && stays && !is_damaged && site.bytes(path) == whole.bytes(path)
        });
        let paths: Vec<ObjectPath> = paths.collect();
        let Some(path) = dice.pick(&paths) else {
            return "nothing to damage".to_owned();
        };
        let good = site.bytes(&path).unwrap_or_default();
        let at = dice.below(good.len());
        let how = dice.below(3);
        match how {
            0 => site.store.damage(&path, |bytes| bytes[at] ^= 1 << (at % 8)),
            1 => site.store.damage(&path, |bytes| bytes.truncate(at)),
            _ => strongroom_store::Store::delete(&*site.store, &path).is_ok(),
        };
        self.tally.count(["flipped", "truncated", "deleted"][how]);
        let site = &mut self.sites[number];
        site.broken.insert(path.clone(), good);
        site.complete = false;
        format!("d{number} {how} {}", &path.as_str()[32..])
    }
}
