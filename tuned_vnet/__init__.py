"""tuned-vnet keeps SR-IOV network cards of KVM hosts as their profiles say."""

__version__ = "0.1.0"
