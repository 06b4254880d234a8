//! Text in encodings whose tables the module does not have.

use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(module = "/src/edge/platform/calls.js")]
extern "C" {
    #[wasm_bindgen(js_name = decodeGb18030)]
    fn decode(bytes: &[u8]) -> String;
}

/// Decodes whole characters of GB18030. Bytes that are no character become U+FFFD.
pub fn decode_gb18030(bytes: &[u8]) -> String {
    decode(bytes)
}
