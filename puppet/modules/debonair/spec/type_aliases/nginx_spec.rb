# frozen_string_literal: true

RSpec.describe 'Debonair::Nginx', type: :type_alias do
  [
    true,
    false,
    {},
    { 'server_name' => ['a.example.org', '*.b.example.org', '_'] },
    { 'max_body' => '2m' },
    { 'max_body' => '100' },
    { 'timeout' => 1 },
    { 'tls' => { 'certificate' => '/a', 'key' => '/b' } },
  ].each { |value| it { is_expected.to allow_value(value) } }

  [
    nil,
    'on',
    { 'server_name' => [] },
    { 'server_name' => 'a' },
    { 'server_name' => ['a;b'] },
    { 'max_body' => '2mb' },
    { 'max_body' => 2 },
    { 'timeout' => 0 },
    { 'timeout' => '60' },
    { 'tls' => true },
    { 'tls' => { 'certificate' => '/a' } },
    { 'tls' => { 'key' => '/a' } },
    { 'tls' => { 'certificate' => 'a', 'key' => '/b' } },
    { 'names' => ['a'] },
  ].each { |value| it { is_expected.not_to allow_value(value) } }
end
