"""Renewal of the platform's secret for what lies in columns: values are sealed anew, digests made anew or kept good."""
