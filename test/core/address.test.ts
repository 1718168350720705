import { describe, expect, test } from "bun:test";
import { isLoopback, neighbourOf } from "../../src/core/address.ts";

describe("this machine's own addresses", () => {
  test.each([
    "127.0.0.1",
    "127.9.9.9",
    "::1",
    "[::1]",
    "0:0:0:0:0:0:0:1",
    "::ffff:127.0.0.1",
    "::FFFF:7f00:1",
    "localhost",
    "LOCALHOST",
    "::1%lo",
  ])("%s is one", (address) => {
    expect(isLoopback(address)).toBe(true);
  });

  test.each([
    "0.0.0.0",
    "::",
    "10.0.0.1",
    "127.1",
    "127.0.0.1.example.org",
    "1270.0.0.1",
    "::2",
    "1::1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "::1::1",
    "",
    "localhost.example.org",
  ])("%p is none", (address) => {
    expect(isLoopback(address)).toBe(false);
  });
});

describe("who is counted as one neighbour", () => {
  test.each([
    ["192.168.1.7", "192.168.1.7"],
    ["::ffff:192.168.1.7", "192.168.1.7"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:0DB8:1:2::9", "2001:db8:1:2::/64"],
    ["2001:db8:1:3::9", "2001:db8:1:3::/64"],
    ["no:address", "no:address"],
  ])("%s is %s", (address, neighbour) => {
    expect(neighbourOf(address)).toBe(neighbour);
  });
});
