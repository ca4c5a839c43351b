//! Schedules retries of failed requests.
//!
//! Source: RFC 9110, 10.2.3 (`Retry-After`). Pauses grow exponentially, with jitter; a server's own
//! pause is used instead, up to a minute. `failure` classifies failures.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

use super::failure::{Failure, Retry};
use crate::operation_error::OperationError;
use crate::progress::{Event, Progress};

/// The longest pause that a server can request.
const LONGEST: Duration = Duration::from_mins(1);
/// The longest pause without a server's request, before jitter.
const OWN_LONGEST: Duration = Duration::from_secs(15);

/// The number of retries after a refused or too slow connection: a server that starts takes a
/// moment, a wrong address never answers.
const REFUSED: usize = 2;

/// The headers in which servers tell how many requests are left.
const REMAINING: [&str; 2] = ["x-ratelimit-remaining", "ratelimit-remaining"];

/// The number of retries and the pause between them.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    pub retries: usize,
    /// The first pause; each further one is twice as long.
    pub base: Duration,
}

/// The tries of one operation.
pub struct Attempts {
    retry_policy: RetryPolicy,
    pauses: ExponentialBackoff,
    refused: usize,
    progress: Arc<dyn Progress>,
    what: String,
}

impl Attempts {
    /// Begins the first try of the operation called `what`.
    pub fn new(retry_policy: RetryPolicy, progress: Arc<dyn Progress>, what: String) -> Self {
        Self { retry_policy, pauses: pauses(retry_policy), refused: 0, progress, what }
    }

    /// Waits before the next try.
    ///
    /// # Errors
    /// The failure's error, when it is permanent or no tries are left.
    pub async fn pause(&mut self, failure: Failure) -> Result<(), OperationError> {
        let Some(delay) = self.delay(failure.retry) else { return Err(failure.error) };
        let event = Event::Retrying { what: self.what.clone(), cause: failure.error.line(), delay };
        self.progress.on(event);
        tokio::time::sleep(delay).await;
        Ok(())
    }

    /// Returns the pause before the next try, if there is one.
    fn delay(&mut self, retry: Retry) -> Option<Duration> {
        match retry {
            Retry::No => None,
            Retry::Soon => self.pauses.next(),
            Retry::Briefly => {
                self.refused += 1;
                (self.refused <= REFUSED.min(self.retry_policy.retries)).then_some(self.retry_policy.base)
            }
            Retry::After(asked) => self.pauses.next().map(|_| asked.min(LONGEST)),
        }
    }

    /// Starts the count of tries over, after enough bytes since the last failure.
    pub fn start_over(&mut self) {
        self.pauses = pauses(self.retry_policy);
        self.refused = 0;
    }
}

fn pauses(retry_policy: RetryPolicy) -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(retry_policy.base)
        .with_max_delay(OWN_LONGEST.max(retry_policy.base))
        .with_max_times(retry_policy.retries)
        .with_jitter()
        .build()
}

/// Returns whether a later try may get another answer than this status.
pub fn retry(status: StatusCode, headers: &HeaderMap) -> Retry {
    match status.as_u16() {
        // 499 is nginx's for a client that went away, 520 to 530 are Cloudflare's for an origin that
        // it cannot reach.
        408 | 425 | 429 | 499 | 500 | 502..=504 | 520..=527 | 529 | 530 => limited(headers),
        403 if headers.contains_key(RETRY_AFTER) || is_used_up(headers) => limited(headers),
        _ => Retry::No,
    }
}

/// Returns the time of the next try after an answer that limits requests.
pub fn limited(headers: &HeaderMap) -> Retry {
    retry_after(headers).map_or(Retry::Soon, Retry::After)
}

/// Returns whether the server counts requests, and allows no more of them: `0`, or docker's `0;w=21600`.
fn is_used_up(headers: &HeaderMap) -> bool {
    REMAINING.iter().filter_map(|name| headers.get(*name)?.to_str().ok()).any(|left| {
        let left = left.split([';', ',']).next().unwrap_or_default();
        left.trim() == "0"
    })
}

/// Reads `Retry-After`, in seconds or as a date relative to the answer's own `Date`.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let wanted = text(RETRY_AFTER)?;
    if let Ok(seconds) = wanted.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let timestamp = |text: &str| DateTimeParser::new().parse_timestamp(text).ok();
    let seconds = timestamp(wanted)?.as_second() - timestamp(text(DATE)?)?.as_second();
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn retry_after_is_read_in_seconds_and_as_a_date() {
        let retry = |status: u16, after: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(DATE, HeaderValue::from_static("Wed, 21 Oct 2026 07:28:00 GMT"));
            after.map(|after| headers.insert(RETRY_AFTER, HeaderValue::from_static(after)));
            retry(StatusCode::from_u16(status).unwrap(), &headers)
        };
        let after = |seconds| Retry::After(Duration::from_secs(seconds));
        assert_eq!(retry(429, Some("7")), after(7));
        assert_eq!(retry(429, Some("Wed, 21 Oct 2026 07:28:30 GMT")), after(30));
        assert_eq!(retry(503, Some("Wed, 21 Oct 2026 07:27:30 GMT")), after(0));
        assert_eq!(retry(503, Some("soon")), Retry::Soon);
        assert_eq!(retry(500, None), Retry::Soon);
        for status in [408, 425, 499, 500, 502, 504, 520, 521, 522, 523, 524, 525, 526, 527, 529, 530] {
            assert_eq!(retry(status, None), Retry::Soon, "{status}");
        }
        assert_eq!(retry(403, Some("3")), after(3));
        for status in [400, 401, 403, 404, 405, 409, 413, 416, 505, 507, 528, 531] {
            assert_eq!(retry(status, None), Retry::No, "{status}");
        }
        assert_eq!(retry(501, Some("7")), Retry::No);
        assert_eq!(retry(404, None), Retry::No);
    }

    #[test]
    fn pauses_are_capped_and_counted() {
        struct Silent;
        impl Progress for Silent {
            fn on(&self, _: Event) {}
        }
        let retry_policy = RetryPolicy { retries: 2, base: Duration::from_secs(1) };
        let mut attempts = Attempts::new(retry_policy, Arc::new(Silent), String::new());
        assert_eq!(attempts.delay(Retry::No), None);
        assert_eq!(attempts.delay(Retry::After(Duration::from_hours(6))), Some(LONGEST));
        assert!(attempts.delay(Retry::Soon).is_some_and(|delay| delay >= Duration::from_secs(2)));
        assert_eq!(attempts.delay(Retry::Soon), None);
        attempts.start_over();
        assert!(attempts.delay(Retry::Soon).is_some_and(|delay| delay <= Duration::from_secs(2)));
        assert_eq!(
            [(); 3].map(|()| attempts.delay(Retry::Briefly)),
            [Some(retry_policy.base), Some(retry_policy.base), None]
        );
    }
}
