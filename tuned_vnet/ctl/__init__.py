"""tuned-vnetctl, one module for each verb."""
