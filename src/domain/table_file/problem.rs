//! What can be wrong with a file, a row and the names of columns, and the words for it.

use super::encoding::Encoding;
use super::{
    CELL_BYTES_MAX, COLUMNS_MAX, HEAD_BYTES, NAME_CHARS_MAX, OPEN_QUOTES_MAX, ROW_BYTES_MAX,
    ROWS_MAX,
};
use crate::domain::base::language::Language;
use serde::Serialize;

/// A row that cannot be used. The rows after it can.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RowError {
    /// The line in the file on which the row begins, from 1.
    pub line: u64,
    /// The name of the column with the problem, if it is in one.
    pub column: Option<String>,
    pub problem: RowProblem,
}

/// Why a row cannot be used.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum RowProblem {
    /// It has other cells than the table has columns.
    CellCount {
        expected: usize,
        found: usize,
    },
    /// A quote was opened and not closed.
    OpenQuote,
    CellTooLong,
    RowTooLong,
    /// Bytes that are no characters in the encoding.
    NoText {
        encoding: Encoding,
    },
    /// A NUL character, which no database column keeps faithfully.
    Nul,
    /// It is not a JSON object. The text is that of the parser.
    NoObject {
        why: String,
    },
    /// The value of a key is a list or an object.
    Nested,
    UnknownKey {
        key: String,
    },
    SameKey {
        key: String,
    },
}

impl RowError {
    /// Returns what is wrong, where, and what to do, as one sentence without a full stop.
    pub fn message(&self, language: Language) -> String {
        let line = self.line;
        let problem = self.problem.message(language);
        match &self.column {
            Some(column) => language.pick(
                format!("line {line}, column `{column}`: {problem}"),
                format!("第 {line} 行，“{column}”列：{problem}"),
            ),
            None => {
                language.pick(format!("line {line}: {problem}"), format!("第 {line} 行：{problem}"))
            }
        }
    }
}

impl RowProblem {
    /// Returns what is wrong, and what to do, without the place.
    pub fn message(&self, language: Language) -> String {
        let (english, chinese) = match self {
            Self::CellCount { expected, found } => (
                format!("the row has {found} cells, and {expected} were expected"),
                format!("该行有 {found} 个单元格，应为 {expected} 个"),
            ),
            Self::OpenQuote => (
                "a quote is opened and not closed; close it, or read the file without quotes"
                    .to_owned(),
                "引号没有闭合；请补上引号，或选择不识别引号".to_owned(),
            ),
            Self::CellTooLong => (
                format!("a cell is longer than {CELL_BYTES_MAX} bytes; shorten it"),
                format!("单元格超过 {CELL_BYTES_MAX} 字节；请缩短"),
            ),
            Self::RowTooLong => (
                format!("the row is longer than {ROW_BYTES_MAX} bytes; shorten it"),
                format!("该行超过 {ROW_BYTES_MAX} 字节；请缩短"),
            ),
            Self::NoText { encoding } => (
                format!(
                    "the bytes are no text in {}; choose another encoding, or correct the row",
                    encoding.name()
                ),
                format!("内容不是有效的 {} 文本；请选择其他编码，或更正该行", encoding.name()),
            ),
            Self::Nul => (
                "there is a NUL character; remove it".to_owned(),
                "含有空字符（NUL）；请删除".to_owned(),
            ),
            Self::NoObject { why } => (
                format!("the line is not a JSON object: {why}"),
                format!("该行不是 JSON 对象：{why}"),
            ),
            Self::Nested => (
                "the value is a list or an object; give one text or number for each key".to_owned(),
                "值是列表或对象；每个键只能有一个文本或数字".to_owned(),
            ),
            Self::UnknownKey { key } => (
                format!("the key `{key}` is not among the columns; add it to them"),
                format!("键“{key}”不在列中；请添加该列"),
            ),
            Self::SameKey { key } => (
                format!("the key `{key}` occurs twice; remove one"),
                format!("键“{key}”重复；请删除一个"),
            ),
        };
        language.pick(english, chinese)
    }
}

/// Why a file cannot be read, or not further.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum FileProblem {
    /// It is a file of another kind.
    Other {
        file: OtherFile,
    },
    UnknownEncoding,
    /// It has no row with the names of columns.
    NoColumns,
    /// The row with the names of columns is longer than a preview.
    NamesTooLong,
    TooManyColumns {
        found: usize,
    },
    /// The name of a column is too long. The number counts from 1.
    NameTooLong {
        column: usize,
    },
    /// The row with the names of columns is wrong.
    WrongNames {
        error: RowError,
    },
    TooManyRows,
    /// Too many quotes are opened and not closed.
    OpenQuotes,
}

/// A kind of file that is no table as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OtherFile {
    /// Of Excel or another spreadsheet, new or old.
    Workbook,
    Archive,
    /// PDF, an image, a database.
    Document,
    /// HTML or XML, which some systems call `.xls`.
    Markup,
    /// A JSON list instead of lines.
    JsonList,
    Utf32,
}

impl FileProblem {
    /// Returns what is wrong, and what to do, as one sentence without a full stop.
    pub fn message(&self, language: Language) -> String {
        let (english, chinese) = match self {
            Self::Other { file } => return file.message(language).to_owned(),
            Self::WrongNames { error } => return error.message(language),
            Self::UnknownEncoding => (
                "the encoding is none of UTF-8, UTF-16 and GB18030 (GBK); save the file as CSV in \
                 UTF-8, or name its encoding"
                    .to_owned(),
                "无法识别编码（不是 UTF-8、UTF-16 或 GBK）；请另存为 UTF-8 编码的 CSV，或指定编码"
                    .to_owned(),
            ),
            Self::NoColumns => (
                "the file is empty; its first row must name the columns".to_owned(),
                "文件为空；第一行必须是列名".to_owned(),
            ),
            Self::NamesTooLong => (
                format!("the first row, with names, is longer than {HEAD_BYTES} bytes; shorten it"),
                format!("第一行（列名）超过 {HEAD_BYTES} 字节；请缩短"),
            ),
            Self::TooManyColumns { found } => (
                format!(
                    "the file has {found} columns, and at most {COLUMNS_MAX} are read; remove \
                     some, or choose another separator"
                ),
                format!("文件有 {found} 列，最多 {COLUMNS_MAX} 列；请删除一些，或选择其他分隔符"),
            ),
            Self::NameTooLong { column } => (
                format!(
                    "the name of column {column} is longer than {NAME_CHARS_MAX} characters; the \
                     first row must name the columns"
                ),
                format!("第 {column} 列的列名超过 {NAME_CHARS_MAX} 个字符；第一行必须是列名"),
            ),
            Self::TooManyRows => (
                format!("the file has more than {ROWS_MAX} rows; split it"),
                format!("文件超过 {ROWS_MAX} 行；请拆分"),
            ),
            Self::OpenQuotes => (
                format!(
                    "more than {OPEN_QUOTES_MAX} quotes are opened and not closed; read the file \
                     without quotes"
                ),
                format!("超过 {OPEN_QUOTES_MAX} 处引号没有闭合；请选择不识别引号"),
            ),
        };
        language.pick(english, chinese)
    }
}

impl OtherFile {
    fn message(self, language: Language) -> &'static str {
        match self {
            Self::Workbook => language.pick(
                "the file is a workbook; open it in a spreadsheet and save it as CSV in UTF-8",
                "这是 Excel 工作簿；请用 Excel 或 WPS 打开，另存为 CSV（UTF-8）",
            ),
            Self::Archive => language.pick(
                "the file is an archive; unpack it and choose a CSV file in it",
                "这是压缩文件；请解压后选择其中的 CSV 文件",
            ),
            Self::Document => language.pick(
                "the file is a document, an image or a database; export the table as CSV",
                "这是文档、图片或数据库；请将表格导出为 CSV",
            ),
            Self::Markup => language.pick(
                "the file is HTML or XML; open it in a spreadsheet and save it as CSV in UTF-8",
                "这是 HTML 或 XML 文件；请用 Excel 或 WPS 打开，另存为 CSV（UTF-8）",
            ),
            Self::JsonList => language.pick(
                "the file is a JSON list; write one object on each line, without brackets around",
                "这是 JSON 数组；请改为每行一个对象，去掉外层方括号",
            ),
            Self::Utf32 => language.pick(
                "the file is in UTF-32; save it in UTF-8",
                "文件是 UTF-32 编码；请另存为 UTF-8",
            ),
        }
    }
}

/// Why a read failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ReadError {
    /// This row cannot be used; the next may be read.
    Row(RowError),
    /// Nothing more can be read.
    File(FileProblem),
}

/// Something about a file that an operator should look at before the import.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Note {
    /// The encoding was concluded from characters, or is not known yet.
    EncodingGuessed { encoding: Encoding, is_ascii: bool },
    /// A column has no name, and got this one.
    UnnamedColumn { name: String },
    /// Two columns have the same name; the later one was renamed.
    SameName { name: String, renamed: String },
    /// The first row looks like data: this is one of its cells.
    NamesLookLikeValues { value: String },
    /// No separator was found, so there is one column.
    OneColumn,
}

impl Note {
    /// Returns what to look at, as one sentence without a full stop.
    pub fn message(&self, language: Language) -> String {
        let (english, chinese) = match self {
            Self::EncodingGuessed { encoding, is_ascii: true } => (
                format!(
                    "the beginning is plain ASCII, and the file is read as {}",
                    encoding.name()
                ),
                format!("开头只有 ASCII 字符，按 {} 读取", encoding.name()),
            ),
            Self::EncodingGuessed { encoding, is_ascii: false } => (
                format!(
                    "the encoding was guessed: {}; check names and other words",
                    encoding.name()
                ),
                format!("编码为推测：{}；请检查姓名等文字是否正确", encoding.name()),
            ),
            Self::UnnamedColumn { name } => {
                (format!("a column has no name: `{name}`"), format!("有一列没有列名：“{name}”"))
            }
            Self::SameName { name, renamed } => (
                format!("two columns are named `{name}`; the later one is called `{renamed}`"),
                format!("有两列都叫“{name}”；后一列称为“{renamed}”"),
            ),
            Self::NamesLookLikeValues { value } => (
                format!("the first row must name the columns, and has `{value}`"),
                format!("第一行应为列名，但含有“{value}”"),
            ),
            Self::OneColumn => (
                "no separator was found: the file has one column".to_owned(),
                "没有找到分隔符：文件只有一列".to_owned(),
            ),
        };
        language.pick(english, chinese)
    }
}
