# @summary Writes one text as a value of an INI file; see `debonair::ini`.
# @param text what the reader is to get
# @return [String] the text, with quotes where white space or quotes of its own need them
# @api private
function debonair::ini_text(String $text) >> String {
  $escaped = $text.regsubst('\$', '$$', 'G').regsubst('\n', "\n    ", 'G')
  $text ? {
    /\A\s|\s\z|\A".*"\z|\A[#;]/ => "\"${escaped}\"",
    default                     => $escaped,
  }
}
