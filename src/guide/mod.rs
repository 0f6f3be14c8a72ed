//! The handbook for those who run it: chapters that read the same in the repository and here; text alone, no code.
//!
//! A chapter names another by a link's label. `links.md`, which comes first, leads it to the page here; what stands at the
//! chapter's own end leads it to the file in the repository.

pub mod building {
    #![doc = include_str!("links.md")]
    #![doc = include_str!("building.md")]
}

pub mod comparison {
    #![doc = include_str!("links.md")]
    #![doc = include_str!("comparison.md")]
}

pub mod kibana {
    #![doc = include_str!("links.md")]
    #![doc = include_str!("kibana.md")]
}

pub mod operating {
    #![doc = include_str!("links.md")]
    #![doc = include_str!("operating.md")]
}

pub mod promise {
    #![doc = include_str!("links.md")]
    #![doc = include_str!("promise.md")]
}

pub mod rules {
    #![doc = include_str!("links.md")]
    #![doc = include_str!("rules.md")]
}

pub mod speed {
    #![doc = include_str!("links.md")]
    #![doc = include_str!("speed.md")]
}

pub mod triage {
    #![doc = include_str!("links.md")]
    #![doc = include_str!("triage.md")]
}

pub mod troubleshooting {
    #![doc = include_str!("links.md")]
    #![doc = include_str!("troubleshooting.md")]
}
