//! The pictures of the demo, drawn here: so they are nobody else's, and nothing has to be fetched.

use std::path::Path;

use anyhow::{Context, Result};
use image::imageops::FilterType;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use matricula_ports::publishing::IncomingFile;
use sha2::{Digest, Sha256};

/// How large they are drawn; what is smooth is made larger afterwards.
const CANVAS: (u32, u32) = (180, 120);

/// How large they are.
const SIZE: (u32, u32) = (960, 640);

/// What a picture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Motif {
    /// Columns that rise.
    Columns,
    /// Windows within each other.
    Windows,
    /// Sheets on top of each other.
    Sheets,
    /// Dots along a line.
    Dots,
    /// Circles that overlap.
    Circles,
    /// A house with windows.
    House,
}

/// To what a picture belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The course with this number.
    Course(usize),
    /// The campus with this number.
    Campus(usize),
    /// The post with this number.
    Story(usize),
}

/// A picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Drawing {
    /// To what it belongs.
    pub subject: Subject,
    /// How its file is called.
    pub filename: &'static str,
    /// What it shows.
    pub alt_text: &'static str,
    motif: Motif,
    /// The ground at the top and at the bottom.
    ground: [[u8; 3]; 2],
    ink: [u8; 3],
}

/// The pictures. One course has none, as in life.
pub(super) const DRAWINGS: [Drawing; 7] = [
    Drawing {
        subject: Subject::Course(0),
        filename: "marketing-digital.jpg",
        alt_text: "Ilustración: seis columnas que crecen de izquierda a derecha",
        motif: Motif::Columns,
        ground: [[12, 74, 110], [186, 230, 253]],
        ink: [250, 204, 21],
    },
    Drawing {
        subject: Subject::Course(1),
        filename: "desarrollo-web.jpg",
        alt_text: "Ilustración: tres ventanas de programa, una dentro de otra",
        motif: Motif::Windows,
        ground: [[30, 27, 75], [129, 140, 248]],
        ink: [165, 243, 252],
    },
    Drawing {
        subject: Subject::Course(2),
        filename: "gestion-administrativa.jpg",
        alt_text: "Ilustración: un montón de hojas de papel",
        motif: Motif::Sheets,
        ground: [[20, 83, 45], [187, 247, 208]],
        ink: [255, 251, 235],
    },
    Drawing {
        subject: Subject::Course(3),
        filename: "analitica-de-datos.jpg",
        alt_text: "Ilustración: puntos a lo largo de una línea que sube",
        motif: Motif::Dots,
        ground: [[63, 63, 70], [228, 228, 231]],
        ink: [251, 146, 60],
    },
    Drawing {
        subject: Subject::Campus(0),
        filename: "cep-madrid.jpg",
        alt_text: "Ilustración: la fachada de una casa con nueve ventanas iluminadas, al anochecer",
        motif: Motif::House,
        ground: [[49, 46, 129], [253, 186, 116]],
        ink: [254, 240, 138],
    },
    Drawing {
        subject: Subject::Campus(1),
        filename: "cep-barcelona.jpg",
        alt_text: "Ilustración: la fachada de una casa con nueve ventanas, de día",
        motif: Motif::House,
        ground: [[14, 116, 144], [207, 250, 254]],
        ink: [255, 255, 255],
    },
    Drawing {
        subject: Subject::Story(0),
        filename: "becas.jpg",
        alt_text: "Ilustración: tres círculos que se cruzan",
        motif: Motif::Circles,
        ground: [[131, 24, 67], [251, 207, 232]],
        ink: [253, 224, 71],
    },
];

impl Drawing {
    /// Draws it into a file.
    pub(super) fn draw_into(&self, file: &Path) -> Result<IncomingFile> {
        let canvas = RgbImage::from_fn(CANVAS.0, CANVAS.1, |x, y| Rgb(self.point(x, y)));
        let picture = DynamicImage::from(canvas).resize_exact(SIZE.0, SIZE.1, FilterType::CatmullRom);
        picture.save_with_format(file, ImageFormat::Jpeg).context("a picture of the demo cannot be written")?;
        let bytes = std::fs::read(file)?;
        Ok(IncomingFile { path: file.to_owned(), size_bytes: bytes.len() as u64, sha256: Sha256::digest(&bytes).into() })
    }

    /// The color of a point.
    fn point(&self, x: u32, y: u32) -> [u8; 3] {
        let ground = mixed(self.ground[0], self.ground[1], y, CANVAS.1);
        match self.motif.covers(i64::from(x), i64::from(y)) {
            // Every shape has its own shade.
            Some(shape) => mixed(self.ink, ground, shape, 10),
            None => ground,
        }
    }
}

impl Motif {
    /// Which of its shapes is seen at a point, if one is.
    fn covers(self, x: i64, y: i64) -> Option<u32> {
        let shapes = match self {
            Self::Columns => 6,
            Self::Windows | Self::Circles => 3,
            Self::Sheets => 5,
            Self::Dots => 8,
            Self::House => 10,
        };
        // What is drawn last is on top.
        (0..shapes).rev().find(|shape| self.shape(i64::from(*shape), x, y)).map(|shape| if self == Self::House && shape == 0 { 6 } else { shape % 6 })
    }

    /// Whether one of its shapes is at a point.
    fn shape(self, n: i64, x: i64, y: i64) -> bool {
        let within = |left: i64, top: i64, right: i64, bottom: i64| (left..right).contains(&x) && (top..bottom).contains(&y);
        let around = |across: i64, down: i64, radius: i64| (x - across).pow(2) + (y - down).pow(2) < radius.pow(2);
        match self {
            Self::Columns => within(22 + n * 24, 92 - n * 13, 38 + n * 24, 106),
            Self::Windows => within(24 + n * 22, 18 + n * 16, 156 - n * 22, 102 - n * 12),
            Self::Sheets => within(44 + n * 8, 20 + n * 7, 104 + n * 8, 84 + n * 7),
            Self::Dots => around(22 + n * 19, 98 - n * 11 + (n % 3) * 6, 5 + n % 3),
            Self::Circles => around(66 + n * 24, 52 + (n % 2) * 18, 30),
            Self::House if n == 0 => within(46, 22, 134, 112),
            Self::House => {
                let (column, row) = ((n - 1) % 3, (n - 1) / 3);
                within(56 + column * 26, 30 + row * 26, 72 + column * 26, 46 + row * 26)
            }
        }
    }
}

/// So many parts of the second color in the first.
fn mixed(first: [u8; 3], second: [u8; 3], parts: u32, of: u32) -> [u8; 3] {
    std::array::from_fn(|n| {
        let mixed = (u32::from(first[n]) * (of - parts) + u32::from(second[n]) * parts) / of;
        u8::try_from(mixed).unwrap_or(u8::MAX)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_picture_shows_something_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let mut seen = BTreeSet::new();
        for drawing in DRAWINGS {
            let file = drawing.draw_into(&folder.path().join(drawing.filename)).unwrap();
            let picture = image::open(&file.path).unwrap();
            assert_eq!((picture.width(), picture.height()), SIZE);
            let colors: BTreeSet<_> = picture.to_rgb8().pixels().step_by(997).map(|pixel| pixel.0.map(|part| part / 32)).collect();
            assert!(colors.len() > 5, "{}", drawing.filename);
            assert!(seen.insert(file.sha256), "{}", drawing.filename);
        }
    }
}
