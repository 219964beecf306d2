//! Days and points in time in UTC, as ISO 8601 writes them.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

/// A day of the calendar of today, of the years 0 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    /// Days since 1970-01-01.
    number: i32,
}

/// A text that is no day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no day\nhint: write it as `2026-11-30`; days are those of UTC")]
pub struct NotADay;

impl Day {
    /// The day of a date; `None` where the calendar has no such date.
    fn of_date(year: i32, month: i32, day: i32) -> Option<Day> {
        let is_possible = (0..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
        // years begin in March, so that the leap day is the last
        let (from_march, of_year) = (if month > 2 { month - 3 } else { month + 9 }, year - i32::from(month <= 2));
        let (era, year_of_era) = (of_year.div_euclid(400), of_year.rem_euclid(400));
        let day_of_year = (153 * from_march + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let found = Day { number: era * DAYS_OF_ERA + day_of_era - TO_1970 };
        // the 31st of a month with 30 days comes out as another date
        (is_possible && found.date() == (year, month, day)).then_some(found)
    }

    /// Year, month and day.
    fn date(self) -> (i32, i32, i32) {
        let number = self.number + TO_1970;
        let (era, day_of_era) = (number.div_euclid(DAYS_OF_ERA), number.rem_euclid(DAYS_OF_ERA));
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * day_of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let day = day_of_year - (153 * from_march + 2) / 5 + 1;
        (year_of_era + era * 400 + i32::from(month <= 2), month, day)
    }

    /// The day in UTC of a point in time (`2026-11-30T23:00:00Z`, RFC 3339); `None` where the text is none.
    pub fn of_time(text: &str) -> Option<Day> {
        let (date, rest) = (text.get(..10)?, text.get(10..)?.strip_prefix(['T', 't', ' '])?);
        let day: Day = date.parse().ok()?;
        let minutes = minutes_of(rest.get(..5)?, 23)?;
        let seconds = rest.get(5..)?.strip_prefix(':')?;
        // with a leap second a minute has 61
        digits(seconds.get(..2)?).filter(|seconds| *seconds <= 60)?;
        let zone = seconds.get(2..)?;
        let zone = match zone.strip_prefix('.') {
            Some(fraction) => {
                let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
                (zone.len() < fraction.len()).then_some(zone)?
            }
            None => zone,
        };
        let ahead = match zone.as_bytes().first()? {
            b'Z' | b'z' if zone.len() == 1 => 0,
            b'+' => minutes_of(&zone[1..], 23)?,
            b'-' => -minutes_of(&zone[1..], 23)?,
            _ => return None,
        };
        Some(day.plus((minutes - ahead).div_euclid(24 * 60)))
    }

    /// So many days later.
    #[must_use]
    pub fn plus(self, days: i32) -> Day {
        Day { number: self.number.saturating_add(days) }
    }

    /// How many days this one comes after another.
    pub fn since(self, other: Day) -> i32 {
        self.number - other.number
    }
}

/// Days of 400 years.
const DAYS_OF_ERA: i32 = 146_097;
/// Days from 0000-03-01 to 1970-01-01.
const TO_1970: i32 = 719_468;

/// The minutes of `hh:mm`.
fn minutes_of(text: &str, last_hour: i32) -> Option<i32> {
    let (hours, minutes) = text.split_once(':').filter(|(hours, minutes)| (hours.len(), minutes.len()) == (2, 2))?;
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    (hours <= last_hour && minutes <= 59).then_some(hours * 60 + minutes)
}

fn digits(text: &str) -> Option<i32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

impl FromStr for Day {
    type Err = NotADay;

    fn from_str(text: &str) -> Result<Day, NotADay> {
        let parts: Vec<&str> = text.split('-').collect();
        let [year, month, day] = parts.as_slice() else { return Err(NotADay) };
        let has_lengths = (year.len(), month.len(), day.len()) == (4, 2, 2);
        let date = digits(year).zip(digits(month)).zip(digits(day)).filter(|_| has_lengths);
        date.and_then(|((year, month), day)| Day::of_date(year, month, day)).ok_or(NotADay)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// A point in time in UTC, to the second: `2026-11-30T23:00:00Z` (RFC 3339).
pub fn time(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let day = Day { number: i32::try_from(seconds / 86_400).unwrap_or(i32::MAX - TO_1970) };
    let of_day = seconds % 86_400;
    format!("{day}T{:02}:{:02}:{:02}Z", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn days_are_numbers_and_dates() {
        let check = |text: &str, number: i32| {
            let day: Day = text.parse().unwrap_or_else(|err| panic!("{text}: {err}"));
            assert_eq!((day.number, day.to_string().as_str()), (number, text));
        };
        check("1970-01-01", 0);
        check("1969-12-31", -1);
        check("2000-02-29", 11_016);
        check("2000-03-01", 11_017);
        check("2026-11-30", 20_787);
        check("0000-01-01", -719_528);
        check("9999-12-31", 2_932_896);
        let first: Day = "1899-12-01".parse().unwrap();
        for days in 0..100_000 {
            let day = first.plus(days);
            assert_eq!(day.to_string().parse(), Ok(day));
            assert_eq!(day.since(first), days);
        }
    }

    #[test]
    fn what_the_calendar_does_not_have_is_no_day() {
        for text in [
            "",
            "2026",
            "2026-11",
            "2026-1-01",
            "26-11-01",
            "2026-00-01",
            "2026-13-01",
            "2026-04-31",
            "2026-02-29",
            "1900-02-29",
            "2026-11-00",
            "2026-11-32",
            "-026-11-01",
            "2026-11-+1",
            "2026-11-01T",
            "２026-11-01",
            "yesterday",
        ] {
            assert_eq!(text.parse::<Day>(), Err(NotADay), "{text}");
        }
    }

    #[test]
    fn a_time_has_a_day_in_utc() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(Day::of_time(text).map(|day| day.to_string()).as_deref(), expected, "{text}");
        };
        check("2026-11-30T00:00:00Z", Some("2026-11-30"));
        check("2026-11-30T23:59:60.123456z", Some("2026-11-30"));
        check("2026-11-30 23:59:59+00:00", Some("2026-11-30"));
        check("2026-11-30T23:30:00-01:00", Some("2026-12-01"));
        check("2027-01-01T00:30:00+01:00", Some("2026-12-31"));
        for none in [
            "2026-11-30",
            "2026-11-30T",
            "2026-11-30T24:00:00Z",
            "2026-11-30T23:60:00Z",
            "2026-11-30T23:00:61Z",
            "2026-11-30T23:00:00",
            "2026-11-30T23:00:00.Z",
            "2026-11-30T23:00:00+1:00",
            "2026-11-30T23:00:00Zulu",
            "2026-11-30T23:00Z",
            "2026-11-31T23:00:00Z",
            "2026-11-3é",
            "2026-11-30T2é:00:00Z",
        ] {
            check(none, None);
        }
    }

    #[test]
    fn a_time_is_written_to_the_second() {
        let at = |seconds: u64| time(UNIX_EPOCH + Duration::from_millis(seconds * 1000 + 999));
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(1_795_993_323), "2026-11-29T23:02:03Z");
        assert_eq!(Day::of_time(&at(1_795_993_323)).unwrap().to_string(), "2026-11-29");
    }
}
