/* SPDX-License-Identifier: MIT
 *
 * The daemon's main(): its table of contents. */
int main(void)
{
    return 0;
}
