"""What is true of any film: solids, spectra, projection, scatter, detector, vendor processing, DICOM."""
