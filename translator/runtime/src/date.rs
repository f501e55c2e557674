//! The `date` of replies, by the clock that was handed in: the server would read the machine's, and
//! no two runs of a simulation would carry the same bytes.

use aviary_boot::Clock;
use http::{HeaderValue, Response, header};
use jiff::fmt::rfc2822::DateTimePrinter;

const PRINTER: DateTimePrinter = DateTimePrinter::new();

/// Dates a reply.
pub(crate) fn dated<B>(clock: &Clock, mut reply: Response<B>) -> Response<B> {
    // A time that cannot be printed is left to the server.
    let text = PRINTER.timestamp_to_rfc9110_string(&clock.now());
    if let Some(date) = text.ok().and_then(|text| HeaderValue::try_from(text).ok()) {
        reply.headers_mut().insert(header::DATE, date);
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn replies_carry_the_time_of_the_clock() {
        let clock = Clock::virtual_from(jiff::Timestamp::from_second(784_111_777).unwrap());
        let reply = dated(&clock, Response::new(()));
        assert_eq!(
            reply.headers()[header::DATE],
            "Sun, 06 Nov 1994 08:49:37 GMT"
        );
    }
}
