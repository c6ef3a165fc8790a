import v0_12 from "../../../config/profiles/antrea/v0.12.yaml" with { type: "text" };
import v1_0 from "../../../config/profiles/antrea/v1.0.yaml" with { type: "text" };
import v1_1 from "../../../config/profiles/antrea/v1.1.yaml" with { type: "text" };
import v1_13 from "../../../config/profiles/antrea/v1.13.yaml" with { type: "text" };
import v1_15 from "../../../config/profiles/antrea/v1.15.yaml" with { type: "text" };
import v2_0 from "../../../config/profiles/antrea/v2.0.yaml" with { type: "text" };
import v2_6 from "../../../config/profiles/antrea/v2.6.yaml" with { type: "text" };
import v2_7 from "../../../config/profiles/antrea/v2.7.yaml" with { type: "text" };
import nfacctd from "../../../config/profiles/nfacctd.yaml" with { type: "text" };
import nfcapd from "../../../config/profiles/nfcapd.yaml" with { type: "text" };
import rfc7011 from "../../../config/profiles/rfc7011.yaml" with { type: "text" };

/** The text of every shipped profile file by the profile's name, eras from oldest to newest. */
export const SHIPPED_PROFILES: ReadonlyMap<string, string> = new Map([
  ["antrea/v0.12", v0_12],
  ["antrea/v1.0", v1_0],
  ["antrea/v1.1", v1_1],
  ["antrea/v1.13", v1_13],
  ["antrea/v1.15", v1_15],
  ["antrea/v2.0", v2_0],
  ["antrea/v2.6", v2_6],
  ["antrea/v2.7", v2_7],
  ["rfc7011", rfc7011],
  ["nfcapd", nfcapd],
  ["nfacctd", nfacctd],
]);
