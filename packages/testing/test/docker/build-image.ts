// `node build-image.ts build` builds the image of the tests; `... keep` keeps what the next build can use again.
import { ComposeFleet, findCompose } from "./compose-fleet.ts";
import { IMAGE } from "./image.ts";

const compose = await findCompose();
if (compose) {
  const fleet = new ComposeFleet(compose, IMAGE);
  await fleet.prepare();
  try {
    if (process.argv[2] === "keep") await fleet.keepBuildStage();
    else await fleet.build();
  } finally {
    await fleet.forget();
  }
}
