"""Who holds a VF: libvirt's guests, and processes that have a VFIO device open."""
