# frozen_string_literal: true

RSpec.describe 'Debonair::Version', type: :type_alias do
  [
    'present',
    'latest',
    '1.4.2',
    '1:2.0-1~bpo12+1',
    '0',
  ].each { |value| it { is_expected.to allow_value(value) } }

  [
    'absent',
    'v1.0',
    '1.0 ',
    '1.0;id',
    "1.0\n2",
    '',
    1,
  ].each { |value| it { is_expected.not_to allow_value(value) } }
end
