/** Files that the build embeds; each import is the path to read it from. */

declare module "swagger-ui-dist/swagger-ui-bundle.js" {
  const path: string;
  export default path;
}

declare module "swagger-ui-dist/swagger-ui.css" {
  const path: string;
  export default path;
}

declare module "*/connect.sh" {
  const path: string;
  export default path;
}
