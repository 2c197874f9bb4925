# frozen_string_literal: true

RSpec.describe 'Debonair::Name', type: :type_alias do
  [
    'orders',
    'a1',
    'order-service',
    'a' * 31,
  ].each { |value| it { is_expected.to allow_value(value) } }

  [
    'a',
    'a' * 32,
    'Orders',
    '1a',
    '-a',
    'a_b',
    'a b',
    "a\nb",
    '',
    1,
  ].each { |value| it { is_expected.not_to allow_value(value) } }
end
