//! Reading rows, mappings and undo.
