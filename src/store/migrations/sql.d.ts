/** SQL files are imported as their text, which the build embeds. */

declare module "*.sql" {
  const text: string;
  export default text;
}
