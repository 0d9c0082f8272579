#pragma once
/// Yearly average carbon intensity of electricity by country, life-cycle basis.
///
/// Our World in Data, "Carbon intensity of electricity generation", from Ember, "Yearly Electricity
/// Data" (CC BY 4.0), in grams of CO2 equivalent per kilowatt-hour.

#include <array>
#include <string_view>

namespace symbiont::carbon {

struct Country {
  std::string_view alpha2;  ///< ISO 3166-1
  std::string_view alpha3;
  std::string_view name;
  double intensity_g_per_kwh;
  int year;
};

inline constexpr std::array<Country, 40> kCountries{{
    {"AR", "ARG", "Argentina", 354, 2023},     {"AU", "AUS", "Australia", 549, 2023},
    {"AT", "AUT", "Austria", 111, 2023},       {"BE", "BEL", "Belgium", 138, 2023},
    {"BR", "BRA", "Brazil", 98, 2023},         {"CA", "CAN", "Canada", 170, 2023},
    {"CH", "CHE", "Switzerland", 35, 2023},    {"CL", "CHL", "Chile", 291, 2023},
    {"CN", "CHN", "China", 582, 2023},         {"CO", "COL", "Colombia", 260, 2023},
    {"CZ", "CZE", "Czechia", 450, 2023},       {"DE", "DEU", "Germany", 381, 2023},
    {"DK", "DNK", "Denmark", 152, 2023},       {"EG", "EGY", "Egypt", 570, 2023},
    {"ES", "ESP", "Spain", 174, 2023},         {"FI", "FIN", "Finland", 79, 2023},
    {"FR", "FRA", "France", 56, 2023},         {"GB", "GBR", "United Kingdom", 238, 2023},
    {"GR", "GRC", "Greece", 337, 2023},        {"HK", "HKG", "Hong Kong", 699, 2022},
    {"ID", "IDN", "Indonesia", 676, 2022},     {"IN", "IND", "India", 713, 2023},
    {"IE", "IRL", "Ireland", 291, 2023},       {"IS", "ISL", "Iceland", 28, 2022},
    {"IL", "ISR", "Israel", 583, 2022},        {"IT", "ITA", "Italy", 331, 2023},
    {"JP", "JPN", "Japan", 485, 2023},         {"KR", "KOR", "South Korea", 431, 2023},
    {"MX", "MEX", "Mexico", 507, 2023},        {"NL", "NLD", "Netherlands", 268, 2023},
    {"NO", "NOR", "Norway", 30, 2023},         {"NZ", "NZL", "New Zealand", 113, 2023},
    {"PL", "POL", "Poland", 662, 2023},        {"PT", "PRT", "Portugal", 166, 2023},
    {"SA", "SAU", "Saudi Arabia", 707, 2022},  {"SG", "SGP", "Singapore", 471, 2023},
    {"SE", "SWE", "Sweden", 41, 2023},         {"TW", "TWN", "Taiwan", 642, 2023},
    {"US", "USA", "United States", 369, 2023}, {"ZA", "ZAF", "South Africa", 708, 2023},
}};

}  // namespace symbiont::carbon
