//! Makes the JavaScript bindings of a compiled module, as `wasm-bindgen --target module` does.
//! wasm-bindgen's own program also brings a web server to test in browsers, and takes two and a
//! half times as long to build.
//!
//! Usage: `bindings <module.wasm> <folder>`

use std::error::Error;
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [module, folder] = &arguments[..] else {
        return Err("usage: bindings <module.wasm> <folder>".into());
    };
    // The last lets the module be started again after a panic (src/edge/platform/mod.rs).
    Bindgen::new()
        .module(true)?
        .demangle(false)
        .input_path(module)
        .out_name("index")
        .typescript(false)
        .force_enable_abort_handler(true)
        .generate(folder)?;
    Ok(())
}
