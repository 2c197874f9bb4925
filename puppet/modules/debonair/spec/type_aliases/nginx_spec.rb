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
    { 'allow_metrics' => ['10.0.0.0/8', '192.0.2.1', '2001:db8::/32', '::1'] },
    { 'allow_probes' => [] },
    { 'allow_probes' => ['all'] },
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
    { 'allow_metrics' => '10.0.0.1' },
    { 'allow_metrics' => ['10.0.0.1; allow all'] },
    { 'allow_probes' => ['prometheus.example.org'] },
    { 'tls' => true },
    { 'tls' => { 'certificate' => '/a' } },
    { 'tls' => { 'key' => '/a' } },
    { 'tls' => { 'certificate' => 'a', 'key' => '/b' } },
    { 'names' => ['a'] },
  ].each { |value| it { is_expected.not_to allow_value(value) } }
end
