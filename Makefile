# What a developer types. It needs Debian (12 or later), and root where a package has to be installed.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
MAKEFLAGS += --no-print-directory

VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' tuned_vnet/__init__.py)
DEB := dist/tuned-vnet_$(VERSION)_all.deb
# The distribution's Python, because the distribution's libraries are what the product runs with.
PYTHON := /usr/bin/python3
VENV := .venv
TESTS ?= tests/unit tests/tree tests/netns tests/lab

# The libraries that the package depends on, and what the tests call.
RUN_PACKAGES := $(shell sed -n '/^Package:/,$$s/^ \(python3-[a-z0-9]*\).*/\1/p' debian/control)
TEST_PACKAGES := python3-venv ethtool iproute2 kmod mandoc
BUILD_TOOLS := build-essential dpkg-dev

# $(call apt,ARGUMENTS): apt-get as root, or what to type.
define apt
if (( EUID )); then
	echo "Packages are missing. As root: apt-get $(1)" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -q -o DPkg::Lock::Timeout=300 update || echo "Going on with the package lists there are." >&2
apt-get -qy --no-install-recommends -o DPkg::Lock::Timeout=300 $(1)
endef

# $(call need,PACKAGES): install those that are missing.
define need
missing=()
for package in $(1); do
	[[ $$(dpkg-query -Wf '$${db:Status-Status}' $$package 2>/dev/null) == installed ]] || missing+=($$package)
done
if (( $${#missing[@]} )); then
	$(call apt,install $${missing[*]})
fi
endef

.PHONY: help
help:  ## Show this text
	@sed -n 's/^\([a-z-]*\):.*##/  make \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 20

.PHONY: deb
deb:  ## Build the Debian package into dist/
	@$(call need,$(BUILD_TOOLS))
	if ! dpkg-checkbuilddeps 2>/dev/null; then
		$(call apt,build-dep ./)
	fi
	build=$$(mktemp -d)
	trap 'rm -rf "$$build"' EXIT
	mkdir "$$build/tuned-vnet"
	# Named one by one, so that tests and leftovers never get into the package.
	cp -a LICENSE NEWS.md README.md debian etc man pyproject.toml systemd tuned_vnet "$$build/tuned-vnet"
	find "$$build" -name __pycache__ -prune -exec rm -r {} +
	echo "Building $(DEB)"
	cd "$$build/tuned-vnet"
	# Debian's programs only: another Python in front of them would lack the build's modules.
	if ! PATH=/usr/sbin:/usr/bin:/sbin:/bin dpkg-buildpackage --build=binary --no-sign >"$$build/log" 2>&1; then
		cat "$$build/log" >&2
		exit 1
	fi
	cd "$(CURDIR)"
	mkdir -p dist
	cp "$$build/$(notdir $(DEB))" $(DEB)

.PHONY: venv
venv: $(VENV)/.ready  ## Make .venv: the distribution's libraries, and the test tools from PyPI

$(VENV)/.ready: pyproject.toml
	@$(call need,$(RUN_PACKAGES) $(TEST_PACKAGES))
	$(PYTHON) -m venv --system-site-packages --clear $(VENV)
	tools=$$($(VENV)/bin/python -c '
	import pathlib, tomli
	project = tomli.loads(pathlib.Path("pyproject.toml").read_text())["project"]
	print("\n".join(project["optional-dependencies"]["test"]))')
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement /dev/stdin <<<"$$tools"
	touch $@

.PHONY: test
test: deb venv  ## Run every test: unit, fake trees, a network namespace, the emulated host
	@TUNED_VNET_DEB=$(abspath $(DEB)) $(VENV)/bin/python -m pytest $(TESTS)

.PHONY: unit
unit: venv  ## Run the tests that need no root, in seconds
	@$(VENV)/bin/python -m pytest tests/unit tests/tree

.PHONY: lint
lint: venv  ## Run ruff and mypy
	@$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy

.PHONY: lab-shell
lab-shell: deb  ## Open a shell in the emulated SR-IOV host, tuned-vnet installed
	@TUNED_VNET_DEB=$(abspath $(DEB)) $(PYTHON) -m tests.lab shell

.PHONY: demo
demo: deb  ## Show it all in the emulated SR-IOV host, from installing to a guest with its VF
	@TUNED_VNET_DEB=$(abspath $(DEB)) $(PYTHON) -m tests.lab.demo

.PHONY: bench
bench: deb  ## Compare its speed with shell scripts, ip -batch and TuneD, in the emulated host
	@TUNED_VNET_DEB=$(abspath $(DEB)) $(PYTHON) -m tests.lab.bench

.PHONY: soak
soak: deb  ## Reboot the emulated host ten times and look each time
	@TUNED_VNET_DEB=$(abspath $(DEB)) $(PYTHON) -m tests.lab.soak

.PHONY: clean
clean:  ## Remove what was built here; the lab's image lies elsewhere and stays
	@rm -rf $(VENV) dist build *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -r {} +
