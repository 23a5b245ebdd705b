/* SPDX-License-Identifier: MIT
 *
 * Elementary functions of our own. glibc picks other variants by processor, so its
 * exp and log may differ in the last bit between machines; on the way to a published
 * model only these and the correctly rounded functions (sqrt, floor, ldexp) are used.
 */
#ifndef SPECIAL_H
#define SPECIAL_H

double special_exp(double x); /* below 1 ulp; 0 below -708.39, never a denormal */
double special_log(double x); /* below 1 ulp; -inf at 0, NaN below */

#endif
