# For debian/rules: lets "dh --with debonair" find the sequence and the commands beside this file.
DEBONAIR_DEBHELPER := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))
export PATH := $(DEBONAIR_DEBHELPER)bin:$(PATH)
export PERL5LIB := $(DEBONAIR_DEBHELPER)perl5:$(PERL5LIB)
