"""The emulated SR-IOV host: QEMU's igb, a virtual IOMMU, real libvirt and real nested guests.

`requirements` makes this machine able to run it, `image` builds its disk, `machine` is the QEMU
process, `host` is what tests are written against, `python3 -m tests.lab` is for people.
"""
