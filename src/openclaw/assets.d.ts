/** Files that the build embeds; each import is the path to read it from. */

declare module "*/plugin/index.js" {
  const path: string;
  export default path;
}
