//! Doing what the command says that started this run, where it is no review.

use anyhow::Result;

use crate::hear::{self, Given};
use crate::order::Order;
use crate::setup::{Purpose, Setup};

/// Carries out a command that is no review; what was done, in words. `None` where there is a review to be made.
///
/// # Errors
/// The host took none of it.
pub async fn carry_out(setup: &Setup) -> Result<Option<String>> {
    let (Some(forge), Some(order)) = (setup.target.forge(), setup.order) else { return Ok(None) };
    if order.is_review() {
        return Ok(None);
    }
    if setup.purpose != Purpose::Deliver {
        return Ok(Some("nothing is written in a dry run".to_owned()));
    }
    let has_help = setup.change.conversation.has_help;
    hear::carry_out(forge, &[Given::now(order)], None, has_help, setup.words()).await?;
    let done = match order {
        Order::Help => "the commands are listed on the request",
        Order::Pause => "reviews of this request are paused; `/prudence resume` goes on",
        _ => "all findings that stand are dismissed",
    };
    Ok(Some(done.to_owned()))
}
