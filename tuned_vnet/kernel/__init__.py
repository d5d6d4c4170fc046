"""The only code that asks the kernel for anything: rtnetlink, ethtool, sysfs and procfs."""
