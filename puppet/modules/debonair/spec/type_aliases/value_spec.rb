# frozen_string_literal: true

RSpec.describe 'Debonair::Value', type: :type_alias do
  [
    'text',
    '',
    1,
    1.5,
    true,
    nil,
    [],
    ['a', 1],
  ].each { |value| it { is_expected.to allow_value(value) } }

  [
    {},
    [''],
    [true],
    [['a']],
  ].each { |value| it { is_expected.not_to allow_value(value) } }
end
