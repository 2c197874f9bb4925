#!/usr/bin/perl
# The debhelper sequence for services on the Debonair chassis: dh $@ --with debonair
#
# dh_debonair(1) describes the three commands that it adds and the files that they generate.

use warnings;
use strict;
use Debian::Debhelper::Dh_Lib;

# setup.py is built into the virtual environment, by dh_debonair, and nowhere else.
remove_command("dh_auto_$_") for qw(configure build test install clean);

# The virtual environment, and the files that the following commands install.
insert_before("dh_installdocs", "dh_debonair");

# The user of the unit is created before the unit is enabled.
insert_before("dh_installinit", "dh_installsysusers");

# The maintainer scripts start the service themselves, after its checks and migrations have passed.
add_command_options("dh_installsystemd", "--no-start", "--no-stop-on-upgrade");

# The facts and maintainer scripts depend on the units that were installed; overrides of lintian are added to
# those of the service.
insert_after("dh_lintian", "dh_debonair_finish");

# Libraries that are bundled with a wheel are found by the paths that its author chose: they are not changed, they
# are no shared libraries of the system, and no other package can link with them.
add_command_options("dh_strip", "--no-automatic-dbgsym", "--exclude=.libs/");
add_command_options("dh_shlibdeps", "--exclude=.libs/");
add_command_options("dh_makeshlibs", "--exclude=opt/venvs/");
remove_command("dh_dwz");

# dh_debonair makes the virtual environment reproducible; reading each file again takes half of the build.
add_command_options("dh_strip_nondeterminism", "--exclude=opt/venvs");

insert_before("dh_clean", "dh_debonair_clean");

1;
