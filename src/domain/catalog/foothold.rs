//! Maps and the footholds in them.

use std::cmp::Ordering;
use std::ops::Range;

/// A map's footholds, arranged so that a lookup reads only those near the x it asks for.
#[derive(Clone, PartialEq, Debug)]
pub struct Map {
    id: u32,
    footholds: Vec<Foothold>,
    bands: Bands,
}

/// A segment one can stand on; a vertical one is a wall. The y axis points down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Foothold {
    pub id: i16,
    pub x1: i16,
    pub y1: i16,
    pub x2: i16,
    pub y2: i16,
}

/// The segments that are not walls, by vertical bands of equal width. A segment stands in
/// every band it touches, and within a band in the order of the map.
#[derive(Clone, PartialEq, Debug)]
struct Bands {
    /// The least x of any segment.
    left: i32,
    /// In pixels, at least 1.
    width: i32,
    /// Where each band begins in `segments`, and at last where the last one ends.
    starts: Vec<u32>,
    segments: Vec<Foothold>,
}

/// A height at some x: `num / den`, `den` > 0. Exact, so that a point on a slope is on it.
#[derive(Clone, Copy, Debug)]
struct Height {
    num: i64,
    den: i64,
}

impl Map {
    pub fn new(id: u32, footholds: Vec<Foothold>) -> Self {
        let bands = Bands::new(&footholds);
        Self { id, footholds, bands }
    }

    pub fn id(&self) -> u32 {
        self.id
    }

    /// In the order in which they were given.
    pub fn footholds(&self) -> &[Foothold] {
        &self.footholds
    }

    /// The foothold a thing at (x, y) stands on or falls to: among the segments that span x
    /// (both ends included) and whose height there is at or below the point, the nearest one;
    /// of several at the same height the first given. Walls are none.
    pub fn foothold_below(&self, x: i16, y: i16) -> Option<i16> {
        let mut nearest: Option<(Height, i16)> = None;
        for foothold in self.bands.at(x) {
            if let Some(height) = foothold.height_at(x)
                && !height.is_above(y)
                && nearest.is_none_or(|(least, _)| height.cmp(least) == Ordering::Less)
            {
                nearest = Some((height, foothold.id));
            }
        }
        nearest.map(|(_, id)| id)
    }
}

impl Foothold {
    fn is_wall(&self) -> bool {
        self.x1 == self.x2
    }

    fn span(&self) -> (i32, i32) {
        (self.x1.min(self.x2).into(), self.x1.max(self.x2).into())
    }

    fn height_at(&self, x: i16) -> Option<Height> {
        let (left, right) = self.span();
        if self.is_wall() || !(left..=right).contains(&x.into()) {
            return None;
        }
        let (x1, y1) = (i64::from(self.x1), i64::from(self.y1));
        let run = i64::from(self.x2) - x1;
        let rise = i64::from(self.y2) - y1;
        let num = y1 * run + rise * (i64::from(x) - x1);
        Some(Height { num: num * run.signum(), den: run.abs() })
    }
}

impl Height {
    /// Whether it is above `y` on the screen: the lesser number.
    fn is_above(self, y: i16) -> bool {
        self.num < i64::from(y) * self.den
    }

    /// No overflow: with 16-bit coordinates a numerator stays below 2^34, a denominator below 2^17.
    fn cmp(self, other: Self) -> Ordering {
        (self.num * other.den).cmp(&(other.num * self.den))
    }
}

impl Bands {
    /// Bounds what long segments, which stand in many bands, can cost in memory.
    const MAX_BANDS: usize = 256;
    /// About as many segments are wanted in a band.
    const SEGMENTS_PER_BAND: usize = 4;

    fn new(footholds: &[Foothold]) -> Self {
        let walkable = || footholds.iter().filter(|foothold| !foothold.is_wall());
        let left = walkable().map(|foothold| foothold.span().0).min().unwrap_or(0);
        let right = walkable().map(|foothold| foothold.span().1).max().unwrap_or(0);
        let wanted = (walkable().count() / Self::SEGMENTS_PER_BAND).clamp(1, Self::MAX_BANDS);
        let width = (right - left) / wanted as i32 + 1;
        let num_bands = (right - left) / width + 1;

        let mut starts = vec![0];
        let mut segments = Vec::new();
        for band in 0..num_bands {
            let from = left + band * width;
            let touches = |foothold: &&Foothold| {
                let (left, right) = foothold.span();
                left < from + width && from <= right
            };
            segments.extend(walkable().filter(touches));
            starts.push(segments.len() as u32);
        }
        Self { left, width, starts, segments }
    }

    /// The segments of the band that holds `x`.
    fn at(&self, x: i16) -> &[Foothold] {
        let range = usize::try_from((i32::from(x) - self.left).div_euclid(self.width))
            .ok()
            .and_then(|band| self.range(band));
        range.map_or(&[], |range| &self.segments[range])
    }

    fn range(&self, band: usize) -> Option<Range<usize>> {
        let start = *self.starts.get(band)?;
        let end = *self.starts.get(band + 1)?;
        Some(start as usize..end as usize)
    }
}

#[cfg(test)]
mod tests;
