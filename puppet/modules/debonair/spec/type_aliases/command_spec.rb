# frozen_string_literal: true

RSpec.describe 'Debonair::Command', type: :type_alias do
  [
    ['tidy'],
    ['tidy', '--all'],
  ].each { |value| it { is_expected.to allow_value(value) } }

  [
    [],
    ['two words'],
    ['a%b'],
    ['$HOME'],
    ['"a"'],
    ['a\\b'],
    [''],
    'tidy',
  ].each { |value| it { is_expected.not_to allow_value(value) } }
end
