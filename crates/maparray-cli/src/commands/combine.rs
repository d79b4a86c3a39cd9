//! `maparray combine`: what is the median of many arrays, or their mean without outliers?

use std::io::Write;
use std::time::Instant;

use maparray::{Center, Clip, Create, Missing, Stack};

use super::eval::saved;
use crate::args::{self, How, Statistic};
use crate::failure::Failure;
use crate::progress;

pub(super) fn run(combine: &args::Combine, how: &How, out: &mut dyn Write) -> Result<(), Failure> {
    let started = Instant::now();
    let stack = Stack::open(&combine.files)?;
    let statistic = match combine.statistic {
        Statistic::Mean => maparray::Statistic::Mean,
        Statistic::Median => maparray::Statistic::Median,
        Statistic::Sum => maparray::Statistic::Sum,
        Statistic::Min => maparray::Statistic::Min,
        Statistic::Max => maparray::Statistic::Max,
        Statistic::Std => maparray::Statistic::Std,
        Statistic::Var => maparray::Statistic::Var,
        Statistic::Percentile => maparray::Statistic::Percentile(combine.percent),
        Statistic::Count => maparray::Statistic::Count,
    };
    let missing = if combine.skip_nan {
        Missing::Skip
    } else {
        Missing::Spread
    };
    let mut job = maparray::Combine::new(&stack, statistic)
        .missing(missing)
        .watch(progress::watcher(how));
    if let Some(sigma) = combine.sigma_clip {
        let center = if combine.from_mean {
            Center::Mean
        } else {
            Center::Median
        };
        job = job.clip(Clip {
            center,
            steps: Some(combine.steps as usize),
            ..Clip::sigma(sigma)
        });
    }
    if let Some(threads) = how.threads {
        job = job.threads(threads.into());
    }
    if let Some(memory) = how.memory {
        job = job.memory(memory.0);
    }
    let unit = job.unit()?.map(|unit| unit.to_string());
    let report = job.save(&combine.output, &Create::default())?;
    saved(&combine.output, &report, unit, started, how, out)
}
