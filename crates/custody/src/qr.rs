//! A custody key as a QR code: the text of the file form without its newline.

use std::io::Cursor;

use image::{ImageFormat, ImageReader, Limits};
use qrcode::render::{svg, unicode};
use qrcode::{EcLevel, QrCode};
use rqrr::PreparedImage;
use strongroom_crypto::custody::CustodyKey;
use strongroom_crypto::secret::SecretBytes;

use crate::{ImportError, export};

/// Longest image file that is read, in bytes.
pub const IMAGE_LEN_MAX: u64 = 64 << 20;
/// Largest width and height of an image, in pixels.
const IMAGE_SIDE_MAX: u32 = 16_384;
/// Most memory for an image, in bytes.
const IMAGE_MEMORY_MAX: u64 = 512 << 20;
/// Size of an SVG picture, in its units.
const SVG_SIDE: u32 = 320;

/// A QR code of a key; everything it renders to is as secret as the key.
pub struct Qr(QrCode);

impl Qr {
    /// Draws the code of a key.
    ///
    /// # Panics
    ///
    /// Never: the text of a key fits into a QR code.
    pub fn of(key: &CustodyKey) -> Self {
        let line = export::to_line(key);
        let code = QrCode::with_error_correction_level(line.expose_bytes(), EcLevel::Q);
        Self(code.expect("the text of a key fits into a QR code"))
    }

    /// Returns lines of block characters, for a terminal that writes light on dark.
    pub fn to_terminal(&self) -> SecretBytes {
        let mut renderer = self.0.render::<unicode::Dense1x2>();
        renderer
            .dark_color(unicode::Dense1x2::Light)
            .light_color(unicode::Dense1x2::Dark);
        let mut text = renderer.build();
        text.push('\n');
        SecretBytes::new(text.into_bytes())
    }

    /// Returns an SVG picture.
    pub fn to_svg(&self) -> SecretBytes {
        let mut renderer = self.0.render::<svg::Color<'_>>();
        renderer.min_dimensions(SVG_SIDE, SVG_SIDE);
        SecretBytes::new(renderer.build().into_bytes())
    }
}

/// Finds and reads the code in a PNG image, such as a scan or a photograph.
///
/// Where an image shows several codes, the first that is a key counts.
pub fn from_png(bytes: &[u8]) -> Result<CustodyKey, ImportError> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), ImageFormat::Png);
    let mut limits = Limits::default();
    limits.max_image_width = Some(IMAGE_SIDE_MAX);
    limits.max_image_height = Some(IMAGE_SIDE_MAX);
    limits.max_alloc = Some(IMAGE_MEMORY_MAX);
    reader.limits(limits);
    let image = reader
        .decode()
        .map_err(|source| ImportError::Image { source })?
        .to_luma8();
    let mut refused = ImportError::NoQrCode;
    for grid in PreparedImage::prepare(image).detect_grids() {
        let Ok((_, text)) = grid.decode() else {
            continue;
        };
        let text = SecretBytes::new(text.into_bytes());
        match export::from_text(text.expose_bytes()) {
            Ok(key) => return Ok(key),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, GrayImage, Luma};

    use super::*;
    use crate::export::tests::example;

    /// A picture of a code with a quiet zone, some pixels for every module.
    fn png(code: &QrCode, scale: u32) -> Vec<u8> {
        let side = u32::try_from(code.width()).unwrap();
        let colors = code.to_colors();
        let image = GrayImage::from_fn((side + 8) * scale, (side + 8) * scale, |x, y| {
            let inside =
                |at: u32| -> Option<u32> { (at / scale).checked_sub(4).filter(|at| *at < side) };
            let module = inside(x).zip(inside(y)).map(|(x, y)| x + y * side);
            let dark = module
                .is_some_and(|at| colors[usize::try_from(at).unwrap()] == qrcode::Color::Dark);
            Luma([if dark { 20 } else { 240 }])
        });
        let mut out = Cursor::new(Vec::new());
        DynamicImage::ImageLuma8(image)
            .write_to(&mut out, ImageFormat::Png)
            .unwrap();
        out.into_inner()
    }

    #[test]
    fn a_picture_leads_back_to_its_key() {
        let key = from_png(&png(&Qr::of(&example()).0, 5)).unwrap();
        assert_eq!(key.expose_bytes(), example().expose_bytes());
    }

    #[test]
    fn other_pictures_are_refused_for_what_they_are() {
        let refused = |bytes: &[u8]| from_png(bytes).err().unwrap();
        let other = QrCode::new(b"https://example.org/").unwrap();
        assert!(matches!(
            refused(&png(&other, 5)),
            ImportError::NotAKey { .. }
        ));
        assert!(matches!(refused(b"GIF89a"), ImportError::Image { .. }));
        let mut blank = Cursor::new(Vec::new());
        DynamicImage::ImageLuma8(GrayImage::from_pixel(60, 60, Luma([255])))
            .write_to(&mut blank, ImageFormat::Png)
            .unwrap();
        assert!(matches!(
            refused(&blank.into_inner()),
            ImportError::NoQrCode
        ));
    }

    #[test]
    fn the_renderings_are_whole() {
        let code = Qr::of(&example());
        let text = code.to_terminal();
        let text = std::str::from_utf8(text.expose_bytes()).unwrap();
        // Two modules a line, and the quiet zone of four on either side.
        assert_eq!(text.lines().count(), (code.0.width() + 8).div_ceil(2));
        let svg = code.to_svg();
        let svg = std::str::from_utf8(svg.expose_bytes()).unwrap();
        assert!(svg.starts_with("<?xml") && svg.ends_with("</svg>"));
    }
}
