// The requests: all of them, or one.

import { $ } from "./console.js";

if ($("#request")) await import("./request.js");
else if ($("#requests")) await import("./requests-list.js");
