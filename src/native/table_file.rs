//! The decoder of GB18030 for table files on the command line and in tests. In a worker, the
//! platform's `TextDecoder` takes its place.

use encoding_rs::GB18030;

/// Decodes whole characters of GB18030. Bytes that are no character become U+FFFD.
pub fn decode_gb18030(bytes: &[u8]) -> String {
    GB18030.decode_without_bom_handling(bytes).0.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::table_file::encoding::Encoding;
    use crate::domain::table_file::preview::{Choice, preview};
    use crate::domain::table_file::reader::TableReader;

    #[test]
    fn four_byte_characters_are_read_when_chunks_cut_them() {
        let text = "姓名,备注\r\n𠮷野家,Ā😀\r\n王芳,㐀|丂\r\n";
        let bytes = GB18030.encode(text).0;
        let choice = Choice { encoding: Encoding::by_name("gbk"), ..Choice::default() };
        let preview = preview(&bytes, true, &choice, &decode_gb18030).unwrap();
        for chunk in 1..bytes.len() {
            let mut reader = TableReader::new(preview.reading.clone(), &decode_gb18030);
            let mut cells: Vec<String> = Vec::new();
            for chunk in bytes.chunks(chunk) {
                assert_eq!(reader.push(chunk), chunk.len());
                while let Some(row) = reader.next_row() {
                    cells.extend(row.unwrap().cells().map(str::to_owned));
                }
            }
            assert_eq!(cells, ["𠮷野家", "Ā😀", "王芳", "㐀|丂"]);
        }
    }
}
