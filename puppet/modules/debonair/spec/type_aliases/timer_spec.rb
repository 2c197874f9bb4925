# frozen_string_literal: true

RSpec.describe 'Debonair::Timer', type: :type_alias do
  [
    { 'command' => ['tidy'], 'on_calendar' => 'daily' },
    { 'ensure' => 'present', 'command' => ['tidy'], 'on_calendar' => 'daily', 'randomized_delay' => '5min' },
    { 'ensure' => 'absent' },
    { 'ensure' => 'absent', 'command' => ['tidy'], 'on_calendar' => 'daily', 'randomized_delay' => '1h' },
  ].each { |value| it { is_expected.to allow_value(value) } }

  [
    {},
    { 'ensure' => 'present' },
    { 'command' => ['tidy'] },
    { 'on_calendar' => 'daily' },
    { 'command' => 'tidy', 'on_calendar' => 'daily' },
    { 'command' => ['tidy'], 'on_calendar' => "daily\nUnit=a" },
    { 'command' => ['tidy'], 'on_calendar' => 'daily', 'randomized_delay' => "5min\nUnit=a" },
    { 'ensure' => 'stopped' },
    { 'ensure' => 'absent', 'user' => 'root' },
  ].each { |value| it { is_expected.not_to allow_value(value) } }
end
