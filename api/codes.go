package api

// Code is a stable name of a case in which the API refuses or fails.
type Code struct {
	Name    string `json:"code"`
	Meaning string `json:"meaning"`
}

// Codes returns all codes that the API answers with. They are the closed set of
// values of the code label in metrics; none is renamed.
func Codes() []Code { return append([]Code(nil), codes...) }

var codes = []Code{
	// The request.
	{"route_not_found", "no such address"},
	{"method_not_allowed", "the address does not take this method"},
	{"media_type_unsupported", "the Content-Type is none that is read"},
	{"encoding_unsupported", "the Content-Encoding is none that is read"},
	{"dtype_unsupported", "dtype is neither f32le nor i16le"},
	{"encoding_corrupt", "a compressed body that is damaged or cut off"},
	{"decompressed_too_large", "the body is over the limit when it is decompressed"},
	{"npy_malformed", "the body is no NPY file"},
	{"npy_dtype", "an NPY file of elements that are not read"},
	{"npy_shape", "an NPY file of more than one channel"},
	{"npy_too_large", "an NPY file of more samples than the limit"},
	{"wav_malformed", "the body is no WAV file"},
	{"wav_codec", "a WAV file of a form that is not read"},
	{"channel_missing", "a file of several channels, and none is stated"},
	{"body_empty", "there is no body"},
	{"body_incomplete", "the body ended early"},
	{"body_too_slow", "the body came too slowly"},
	{"body_too_large", "the body is over the limit"},
	{"file_cut", "a dropped file that ends within a line or a sample"},
	{"too_many_lines", "more lines than a request may have"},
	{"length_mismatch", "the body is no whole number of samples"},
	{"unknown_parameter", "a query parameter that is not known"},
	{"duplicate_parameter", "a query parameter that stands twice"},
	{"parameter_invalid", "a query parameter that cannot be read"},
	{"format_unknown", "a window is given out in another format than that"},
	{"feature_unknown", "no diagnosis of the sensor, or of any sensor, has that feature"},
	{"cursor_invalid", "a cursor that this service did not give"},
	{"limit_out_of_range", "a page size out of range"},
	{"idempotency_key_invalid", "an Idempotency-Key that is empty, too long or not printable"},
	{"idempotency_key_reused", "an Idempotency-Key that was used for another window"},
	{"idempotency_key_in_use", "an Idempotency-Key with which another window is being judged"},
	// Keys.
	{"key_missing", "no API key"},
	{"key_invalid", "an API key that is not known"},
	{"key_expired", "an API key whose time is over"},
	{"key_in_url", "an API key in the address"},
	{"scope_missing", "the key has not the scope that this needs"},
	{"sensor_forbidden", "the key is not for this sensor"},
	{"sensor_missing", "a key for some sensors, and none is stated"},
	{"key_limited", "a key for some sensors, and this concerns all of them"},
	{"too_many_failures", "too many wrong keys from one address"},
	{"quota_exceeded", "the key has had its share of windows"},
	// JSON.
	{"json_malformed", "the body is not JSON"},
	{"trailing_data", "something stands after the JSON object"},
	{"duplicate_field", "a field stands twice"},
	{"unknown_field", "a field that is not known"},
	{"invalid_utf8", "text that is not valid UTF-8"},
	{"wrong_type", "a field of the wrong type"},
	{"sample_missing", "a sample is null"},
	{"sample_not_number", "a sample is no number"},
	{"number_out_of_range", "a number that does not fit"},
	// The window.
	{"sensor_name", "a sensor name outside the grammar"},
	{"axis_name", "an axis name outside the grammar"},
	{"bearing_name", "a bearing designation that is empty, too long or not printable"},
	{"start_missing", "no start time"},
	{"start_invalid", "a start time that is not RFC 3339"},
	{"start_out_of_range", "a start time that cannot be kept"},
	{"clock_behind", "a start time that cannot be kept, while the service's own clock is known to be behind"},
	{"rate_missing", "no sampling rate"},
	{"rate_out_of_range", "a sampling rate that is not positive or too high"},
	{"rate_too_low", "a sampling rate below the model's"},
	{"speed_out_of_range", "a shaft speed that is not positive or too high"},
	{"speed_missing", "no shaft speed, and the sensor is registered to state it"},
	{"unit_missing", "no unit"},
	{"unit_unknown", "a unit other than g and m/s2"},
	{"scale_missing", "int16 samples without the scale of one count"},
	{"scale_not_finite", "a scale of 0, which makes every sample 0"},
	{"window_empty", "no samples"},
	{"window_too_short", "fewer samples than the model needs"},
	{"window_too_long", "more samples than the limit"},
	{"sample_not_finite", "a sample is NaN or infinite"},
	{"sample_out_of_range", "a sample beyond any acceleration"},
	{"window_conflict", "another window has this sensor, axis and start"},
	// The catalogue of bearings.
	{"bearing_unknown", "no such bearing in the catalogue"},
	{"bearing_invalid", "a geometry or orders that no bearing has"},
	{"bearing_builtin", "a bearing of the program's own, which stays as it is"},
	{"bearing_in_use", "a bearing that registered sensors have"},
	{"catalogue_full", "the catalogue holds as many bearings of users as it may"},
	{"catalogue_file", "a file of bearings that cannot be read"},
	// What users register.
	{"resource_name", "a name outside the grammar"},
	{"resource_not_found", "nothing of that name is registered"},
	{"name_mismatch", "the name in the document is not that of its address"},
	{"machine_name", "a machine name outside the grammar"},
	{"machine_unknown", "a sensor on a machine that is not registered"},
	{"model_unknown", "a sensor with a model that is not there"},
	{"machine_in_use", "a machine on which sensors sit"},
	{"field_invalid", "a field out of range"},
	{"rule_invalid", "an alarm rule without sense"},
	{"too_many_resources", "as many of a kind as there may be"},
	{"json_too_deep", "values lie too deep in each other"},
	{"precondition_invalid", "If-Match or If-None-Match cannot be read"},
	{"version_mismatch", "it was written meanwhile"},
	{"too_many_sensors", "as many sensors as windows may bring in"},
	{"host_unknown", "a request for another name than this machine's, where no key is needed"},
	{"cross_site", "a page of another site sends this, where no key is needed"},
	{"too_many_axes", "as many axes as a sensor may have"},
	{"rate_mismatch", "another sampling rate than the sensor is registered with"},
	{"unit_mismatch", "another unit than the sensor is registered with"},
	{"axis_mismatch", "another axis than the sensor is registered with"},
	{"sensor_unknown", "a file of a sensor that is not registered"},
	{"sensor_not_found", "nothing has come from a sensor of that name"},
	{"control_in_future", "a control of a baseline from a time on that has not come"},
	{"too_many_controls", "the baselines of an axis were controlled too often"},
	{"webhook_url", "an address of a webhook that is none"},
	{"webhook_secret", "a secret of a webhook that is too short or too long"},
	{"webhook_failed", "a test message that its webhook did not take"},
	// Models.
	{"model_rejected", "a model file that is damaged, does not run, or whose golden windows have other logits"},
	{"model_without_card", "a model that states no corpus, no licence or no score"},
	{"model_not_found", "no such model"},
	{"model_pinned", "the model is that of serve --model"},
	{"nothing_before", "no model was promoted that one could go back from"},
	{"too_many_models", "as many models as there may be"},
	{"model_active", "the model judges windows now"},
	{"model_builtin", "the program's own model, which stays"},
	// Alarms and the stream.
	{"alarm_not_found", "no such alarm"},
	{"alarm_closed", "an alarm that is over"},
	{"position_invalid", "a Last-Event-ID that this service did not give"},
	{"too_many_streams", "as many streams as there may be"},
	// Diagnoses.
	{"unknown_fault", "a fault that is not known"},
	{"diagnosis_not_found", "no such diagnosis"},
	{"samples_expired", "the raw samples were removed to keep within a limit; the diagnosis remains"},
	// The service.
	{"too_many_reads", "this client waits for as many answers as it may"},
	{"overloaded", "too much at once: try again"},
	{"memory_exceeded", "the window takes more memory than the service has for one"},
	{"storage_full", "the disk is full"},
	{"stored_data_corrupt", "stored samples are damaged"},
	{"storage_readonly", "the disk takes no writes"},
	{"storage_failed", "the disk failed"},
	{"storage_replaced", "the database is no longer at its path"},
	{"store_busy", "another program holds the database"},
	{"query_timeout", "a query that reads for too long"},
	{"store_closed", "the service is shutting down"},
	{"draining", "the service is being stopped"},
	{"not_ready", "the service cannot take windows now"},
	{"request_canceled", "the client went away before the answer"},
	{"internal", "the service failed"},
}

// knownCode says whether a code is in the table.
var knownCode = func() map[string]bool {
	m := make(map[string]bool, len(codes))
	for _, c := range codes {
		m[c.Name] = true
	}
	return m
}()
