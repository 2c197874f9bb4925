# @summary Returns one text as a value of an INI file; see `debonair::ini`.
# @param text the text that the service shall read
# @return [String] the value, in quotes where white space, quotes, `#` or `;` at its ends need them
# @api private
function debonair::ini_text(String $text) >> String {
  $escaped = $text.regsubst('\$', '$$', 'G').regsubst('\n', "\n    ", 'G')
  $text ? {
    /\A\s|\s\z|\A"[\s\S]*"\z|\A[#;]/ => "\"${escaped}\"",
    default                          => $escaped,
  }
}
